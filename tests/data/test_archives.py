"""Archives that would write elsewhere, or fill the disk: refused before a byte is written."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from syneg_cli.core.errors import DatasetError
from syneg_cli.data import archives
from syneg_cli.data.archives import unpack


def made(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def special(kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo("x/link")
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member


@pytest.mark.parametrize(
    "member",
    [
        "../outside.txt", "x/../../outside.txt", "/tmp/outside.txt", "x\\..\\..\\outside.txt", "C:\\outside.txt",
        "//host/share", "..", special(stat.S_IFLNK), special(stat.S_IFIFO), special(stat.S_IFCHR),
    ],
)  # fmt: skip
def test_what_leads_out_of_its_folder_is_refused_as_a_whole(
    tmp_path: Path, member: str | zipfile.ZipInfo
) -> None:
    archive = made(tmp_path / "a.zip", ("x/fine.txt", b"fine"), (member, b"../../outside.txt"))
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"^a\.zip has a") as caught:
        unpack(archive, folder)
    assert "Nothing of it was written" in str(caught.value.hint)
    assert not list(folder.rglob("*"))
    assert not list(tmp_path.rglob("outside*"))


def test_a_bomb_is_refused_by_the_stated_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 1000)
    archive = made(tmp_path / "a.zip", ("x/zeros", bytes(10_000_000)))
    with pytest.raises(DatasetError, match="100 times its own size"):
        unpack(archive, tmp_path)
    assert not (tmp_path / "x").exists()
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    many = made(tmp_path / "b.zip", *((f"x/{n}", b"") for n in range(3)))
    with pytest.raises(DatasetError, match="3 files, more than 2"):
        unpack(many, tmp_path)


def test_an_archive_that_lies_about_a_size_writes_no_more_than_it_said(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", ("x/zeros", bytes(5_000_000)))
    data = archive.read_bytes()
    lied = data.replace((5_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lied != data
    archive.write_bytes(lied)
    with pytest.raises(zipfile.BadZipFile):
        unpack(archive, tmp_path)
    written = tmp_path / "x" / "zeros"
    assert not written.exists() or written.stat().st_size <= 1000


def test_more_than_the_disk_has_room_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 2**62)
    archive = made(tmp_path / "a.zip", ("x/a", b"a"))
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")
    archive.write_bytes(bytes(data))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**9}))
    with pytest.raises(DatasetError, match=r"needs 4\.3 GB, and 1\.0 GB are free"):
        unpack(archive, tmp_path)


def test_what_is_in_order_is_unpacked(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", ("x/", b""), ("x/y/z.txt", b"text"), ("x/..odd..name", b"fine"))
    unpack(archive, tmp_path)
    assert (tmp_path / "x" / "y" / "z.txt").read_bytes() == b"text"
    assert (tmp_path / "x" / "..odd..name").is_file()

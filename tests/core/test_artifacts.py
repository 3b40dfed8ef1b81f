from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core.artifacts import Manifest, manifest_path, read_manifest, stale_reason, write_manifest
from syneg_cli.core.errors import MissingArtifact, UsageError
from syneg_cli.core.files import atomic_writer, file_hash
from syneg_cli.core.record_files import (
    read_instances,
    read_jsonl,
    read_mined,
    read_synthetic,
    write_instances,
    write_negatives,
)
from syneg_cli.core.records import MinedNegative, NegativeRef, SyntheticNegative, TrainingInstance
from syneg_cli.core.text_files import field_names, json_lines

TEXT = st.text(max_size=30)


def finished(path: Path, **settings: object) -> Path:
    path.write_text("x", encoding="utf-8")
    write_manifest(path, Manifest("mix", {"corpus": "a"}, settings))
    return path


def test_up_to_date_and_each_way_of_being_stale(tmp_path: Path) -> None:
    path = finished(tmp_path / "x.jsonl", ratio=0.7, miners=("a", "b"))
    assert stale_reason(path, {"corpus": "a"}, {"ratio": 0.7, "miners": ("a", "b")}) is None
    assert stale_reason(path, {"corpus": "b"}, {"ratio": 0.7, "miners": ("a", "b")}) == "corpus changed"
    changed = stale_reason(path, {"corpus": "a"}, {"ratio": 1.0, "miners": ("a", "b")})
    assert changed == "ratio changed: 0.7 -> 1.0"
    assert "no longer used" in str(stale_reason(path, {}, {}))
    assert stale_reason(tmp_path / "none", {}, {}) == "not there yet"
    manifest_path(path).unlink()
    assert "it may be yours" in str(stale_reason(path, {"corpus": "a"}, {}))


def test_a_folder_keeps_its_manifest_inside(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest("train", {}, {"lr": 1e-5}))
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert manifest.settings == {"lr": 1e-5}
    assert manifest.versions["syneg"]
    assert (tmp_path / "syneg.manifest.json").is_file()


def test_a_broken_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("old", encoding="utf-8")

    def fail_in_the_middle() -> None:
        with atomic_writer(path) as file:
            file.write("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_in_the_middle()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@given(title=TEXT, text=TEXT, plan=TEXT, attributes=st.dictionaries(TEXT, TEXT, max_size=3))
def test_synthetic_negatives_survive_the_disk(
    tmp_path_factory: pytest.TempPathFactory, title: str, text: str, plan: str, attributes: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("records") / "x.jsonl"
    record = SyntheticNegative("q", "p", 1, title, text, "syneg", "fake:x", "k", plan, attributes=attributes)
    write_negatives(path, [record])
    assert read_synthetic(path) == [record]


def test_mined_negatives_and_instances_survive_the_disk(tmp_path: Path) -> None:
    mined = [MinedNegative("q", "d", "dense", 3, 0.25)]
    write_negatives(tmp_path / "m.jsonl", mined)
    assert read_mined(tmp_path / "m.jsonl") == mined
    instances = [TrainingInstance("q", "p", ((NegativeRef("dense", "d"),), ()))]
    write_instances(tmp_path / "i.jsonl", instances)
    assert read_instances(tmp_path / "i.jsonl") == instances


def test_broken_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"a"\n', encoding="utf-8")
    with pytest.raises(MissingArtifact, match="line 2"):
        list(read_jsonl(path))
    with pytest.raises(MissingArtifact, match="not there"):
        list(read_jsonl(tmp_path / "none.jsonl"))


def test_the_hash_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = file_hash(tmp_path)
    (tmp_path / "a").write_text("2")
    second = file_hash(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, file_hash(tmp_path)}) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 3: not JSON: "),
        (b"[1]", "line 3: expected a JSON object, found list."),
        (b'{"a": "\xff"}', "line 3: not UTF-8 text"),
    ],
)
def test_a_wrong_line_is_named_by_the_callers_error(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    rows = json_lines(path, UsageError, hint="Fix it.")
    assert next(rows) == (1, {"a": 1})
    with pytest.raises(UsageError, match=said) as caught:
        next(rows)
    assert caught.value.hint == "Fix it."


def test_the_fields_of_a_row_fit_one_line_of_a_message() -> None:
    assert field_names({"a": 1, "b.c-d": 2}) == "a, b.c-d"
    assert field_names({}) == "no fields"
    assert "\n" not in field_names({"a\nb": 1})
    assert len(field_names({"x" * 5000: 1} | {str(n): n for n in range(1000)})) < 200

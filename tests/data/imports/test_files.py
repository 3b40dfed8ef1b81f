"""`syneg import` of folders and files: what is read, what is left out and why, where it is put."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from syneg_cli.core import Manifest, write_manifest
from tests.conftest import Cli
from tests.data.imports.conftest import WORDS, corpus, left_out, write


@pytest.fixture
def docs() -> Path:
    """A folder with a guide of several passages, a note, and a copy of it."""
    guide = f"# Guide\n\n{WORDS * 2}\n\n## Install\n\n{WORDS * 2}\n\n## Use\n\n{WORDS * 3}"
    return write(Path("docs"), guide__setup_md=guide, note_txt=WORDS, old__note_txt=f"{WORDS}\n")


def test_a_folder_becomes_a_data_set(cli: Cli, docs: Path) -> None:
    result = cli("import", docs, "--tokens", "64", "--overlap", 0, "--min-tokens", 0)
    assert result.code == 0, result.err
    assert corpus("docs-data") == {
        "guide/setup.md#1": {
            "_id": "guide/setup.md#1",
            "title": "Guide",
            "text": (WORDS * 2).strip(),
            "metadata": {"file": "guide/setup.md", "line": 3, "passage": 1, "passages": 3},
        },
        "guide/setup.md#2": {
            "_id": "guide/setup.md#2",
            "title": "Guide › Install",
            "text": (WORDS * 2).strip(),
            "metadata": {"file": "guide/setup.md", "line": 7, "passage": 2, "passages": 3},
        },
        "guide/setup.md#3": {
            "_id": "guide/setup.md#3",
            "title": "Guide › Use",
            "text": (WORDS * 3).strip(),
            "metadata": {"file": "guide/setup.md", "line": 11, "passage": 3, "passages": 3},
        },
        "note.txt": {
            "_id": "note.txt",
            "title": "note",
            "text": WORDS.strip(),
            "metadata": {"file": "note.txt", "line": 1, "passage": 1, "passages": 1},
        },
    }
    assert sorted(path.name for path in Path("docs-data").iterdir()) == [
        "corpus.jsonl",
        "syneg.manifest.json",
    ]
    for said in ("4 passages -> docs-data", "tokens counted by the tokenizer of minilm"):
        assert said in result.out
    assert re.search(r"the same as an earlier one, merged │ +1 ", result.out)


def test_copies_with_titles_of_their_own_are_two(cli: Cli) -> None:
    write(Path("docs"), a_md="# One\nText.", b_md="# Two\nText.", c_md="# One\n\nText.\n")
    assert cli("import", "docs").code == 0
    assert list(corpus("docs-data")) == ["a.md", "b.md"]


def test_an_import_again_makes_the_same_bytes(cli: Cli, docs: Path) -> None:
    assert cli("import", docs, "--tokens", "32").code == 0
    before = Path("docs-data/corpus.jsonl").read_bytes()
    again = cli("import", docs, "--tokens", "32", "--json")
    assert again.json["skipped"] is True
    assert again.json["passages"] == before.count(b"\n")
    assert cli("import", docs, "--tokens", "32", "--force").code == 0
    assert Path("docs-data/corpus.jsonl").read_bytes() == before
    (docs / "note.txt").write_text("Another text.")
    changed = cli("import", docs, "--tokens", "32", "--json")
    assert changed.json["reason"] == "documents changed"
    assert {row["text"] for row in corpus("docs-data").values()} > {"Another text.", WORDS.strip()}


@pytest.mark.parametrize("given", ["--overlap", "--min-tokens"])
def test_other_settings_make_it_again(cli: Cli, docs: Path, given: str) -> None:
    assert cli("import", docs).code == 0
    assert "changed: 32 -> 3" in cli("import", docs, given, 3).err


def test_odd_files_are_left_out_by_name(cli: Cli, docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        docs,
        empty_txt="",
        blank_md="\ufeff \n\u200b\n",
        binary_txt=bytes(range(256)) * 20,
        picture_png=b"\x89PNG\r\n\x1a\n\0\0",
        huge_txt=b"a " * 600_000,
        table_csv="id,text\n1,x\n",
        data_db=b"SQLite format 3\0",
        LICENSE_="",
        style_css="p {}",
    )
    (docs / "LICENSE.").rename(docs / "LICENSE")
    (docs / "unknown").write_bytes(b"\x7fELF\0\0")
    (docs / "README").write_text("Read me first.")
    (docs / ".hidden.txt").write_text("hidden")
    write(docs, **{".git__config_txt": "x", "node_modules__lib__x_md": "x"})
    (docs / "loop").symlink_to(docs.resolve())
    (docs / "link.txt").symlink_to("note.txt")
    (docs / "lost.txt").symlink_to("nowhere")
    os.mkfifo(docs / "pipe.txt")
    result = cli("import", docs, "--max-megabytes", 1, "--json")
    assert result.code == 0, result.err
    assert left_out(result.json) == {
        "LICENSE": "empty",
        "binary.txt": "binary, not text",
        "blank.md": "no text in it",
        "data.db": "a database: import it by itself (syneg import FILE --query ...)",
        "empty.txt": "empty",
        "huge.txt": "larger than 1 MB (--max-megabytes)",
        "link.txt": "a link: it is not followed",
        "loop": "a link: it is not followed",
        "lost.txt": "a link: it is not followed",
        "picture.png": ".png is no format that is read",
        "pipe.txt": "no file, but a pipe or a device",
        "style.css": ".css is no format that is read",
        "table.csv": "a table: import it by itself (syneg import FILE)",
        "unknown": "no text, and no ending that says what it is",
    }
    assert result.json["passed_over"] == 3
    assert "README" in corpus("docs-data")


def test_many_files_left_out_are_one_row(cli: Cli, docs: Path) -> None:
    write(docs, **{f"empty{number}_txt": "" for number in range(9)})
    result = cli("import", docs)
    assert re.search(r"│ empty +│ +9 │ empty0.txt, empty1.txt, empty2.txt and 6 more +│", result.out)
    assert len(cli("import", docs, "--json").json["left_out"]) == 9  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything is open to root")
def test_what_is_closed_is_left_out(cli: Cli, docs: Path) -> None:
    (docs / "note.txt").chmod(0)
    (docs / "old").chmod(0)
    try:
        found = cli("import", docs, "--json").json
    finally:
        (docs / "old").chmod(0o755)
    assert left_out(found) == {
        "note.txt": "cannot be read: Permission denied",
        "old/": "cannot be opened: Permission denied",
    }


def test_names_that_no_file_of_judgements_could_hold(cli: Cli) -> None:
    folder = write(Path("docs"), a_txt="A.")
    for number, name in enumerate(("one two.txt", "tab\tin.txt", "100%.txt", "c#.txt", "größe.txt")):
        (folder / name).write_text(f"Text {number}.")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("Text.")
    result = cli("import", "docs", "--json")
    assert result.code == 0, result.err
    assert set(corpus("docs-data")) == {
        "a.txt",
        "one%20two.txt",
        "tab%09in.txt",
        "100%25.txt",
        "c%23.txt",
        "größe.txt",
    }
    assert list(left_out(result.json).values()) == ["its name is not UTF-8"]


def test_one_file(cli: Cli, docs: Path) -> None:
    assert cli("import", docs / "guide" / "setup.md").code == 0
    assert list(corpus("setup-data")) == ["setup.md"]
    assert cli("import", docs / "note.txt", "--output", "x/y").code == 0
    assert list(corpus("x/y")) == ["note.txt"]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("nowhere", "nowhere is not there"),
        ("scifact", "scifact is one of BEIR's names, which need no import"),
        ("hollow", "hollow holds no documents"),
        ("blank", "No document is left: a.txt is left out (empty). So is 1 other."),
        ("blank/a.txt", "No document is left: a.txt is left out (empty)."),
    ],
)
def test_nothing_to_import(cli: Cli, argument: str, said: str) -> None:
    Path("hollow").mkdir()
    write(Path("blank"), a_txt="", b_txt="")
    result = cli("import", argument)
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert sorted(one.name for one in Path().iterdir() if one.name[0] != ".") == ["blank", "hollow"]


def test_a_folder_that_is_not_ours_is_not_replaced(cli: Cli, docs: Path) -> None:
    write(Path("docs-data"), mine_txt="mine")
    result = cli("import", docs)
    assert (result.code, "has no manifest, so it may be yours" in result.err) == (2, True)
    assert [path.name for path in Path("docs-data").iterdir()] == ["mine.txt"]
    assert cli("import", docs, "--output", docs).code == 2
    assert cli("import", docs, "--output", ".").code == 2
    assert (docs / "note.txt").is_file()


def test_what_was_added_to_an_import_is_not_lost(cli: Cli, docs: Path) -> None:
    assert cli("import", docs).code == 0
    Path("docs-data/queries.jsonl").write_text('{"_id": "q1", "text": "mine"}\n')
    Path("docs-data/.DS_Store").write_text("")
    assert cli("import", docs).code == 0, "up to date"
    for more in ((), ("--force",)):
        (docs / "note.txt").write_text(f"Another text {more}.")
        result = cli("import", docs, *more)
        assert (result.code, "would lose it: queries.jsonl." in result.err) == (2, True)
    Path("docs-data/queries.jsonl").unlink()
    with Path("docs-data/corpus.jsonl").open("a") as file:
        file.write('{"_id": "mine", "title": "", "text": "Mine."}\n')
    result = cli("import", docs)
    assert (result.code, "was changed since it was made, and the changes" in result.err) == (2, True)
    assert cli("import", docs, "--force").code == 0
    assert "mine" not in corpus("docs-data")


def test_a_result_of_another_stage_is_not_replaced(cli: Cli, docs: Path) -> None:
    made = Path("model")
    made.mkdir()
    write_manifest(made, Manifest("train", {}, {}))
    result = cli("import", docs, "--output", made)
    assert (result.code, "model is a result of train, not of import" in result.err) == (2, True)
    (made / "syneg.manifest.json").write_text("{")
    result = cli("import", docs, "--output", made)
    assert (result.code, "model is a folder with a broken manifest" in result.err) == (2, True)


def test_a_link_that_is_named_is_followed(cli: Cli, docs: Path) -> None:
    Path("here.txt").symlink_to(docs / "note.txt")
    Path("there").symlink_to(docs)
    assert cli("import", "here.txt").code == 0
    assert list(corpus("here-data")) == ["here.txt"]
    assert cli("import", "there", "--output", "x").code == 0
    assert "note.txt" in corpus("x")


def test_a_wrong_import_leaves_the_earlier_one(cli: Cli, docs: Path) -> None:
    assert cli("import", docs, "--output", "data").code == 0
    before = Path("data/corpus.jsonl").read_bytes()
    write(Path("empty"), a_txt="")
    assert cli("import", "empty", "--output", "data").code == 2
    assert Path("data/corpus.jsonl").read_bytes() == before
    assert not [path for path in Path().iterdir() if path.name.endswith(".tmp")]


def test_an_import_into_the_folder_itself_is_passed_over(cli: Cli, docs: Path) -> None:
    os.chdir(docs)
    assert cli("import", ".").code == 0
    first = Path("docs-data/corpus.jsonl").read_bytes()
    result = cli("import", ".", "--force", "--json")
    assert result.code == 0, result.err
    assert result.json["passed_over"] == 3  # .syneg, the earlier one, and the one that is being made
    assert Path("docs-data/corpus.jsonl").read_bytes() == first


def test_without_a_tokenizer_the_rule_is_said(cli: Cli, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = cli("import", docs, "--backbone", "nobody/nothing", "--json")
    assert result.code == 0, result.err
    assert "warning: The tokenizer of nobody/nothing is not to be had" in result.err
    assert result.json["counted_by"] == "four letters of a word, or a character of scripts without blanks"


def test_whole_documents(cli: Cli, docs: Path) -> None:
    result = cli("import", docs, "--tokens", 0, "--json")
    assert list(corpus("docs-data")) == ["guide/setup.md", "note.txt"]
    assert result.json["counted_by"] == ""
    assert cli("import", docs, "--tokens", 3).code == 2


def test_a_file_that_vanishes_or_changes_is_named(
    cli: Cli, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As others work in the folder meanwhile: a reading of one file does something to the next."""
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        data = real(path)
        if path.name == "setup.md":
            (docs / "note.txt").unlink(missing_ok=True)
        if path.parent.name == "old":
            path.write_text("longer than before " * 9)
        return data

    monkeypatch.setattr(Path, "read_bytes", read)
    assert left_out(cli("import", docs, "--json").json) == {
        "note.txt": "vanished while the others were read",
        "old/note.txt": "changed while it was read",
    }


def test_folders_may_be_nested_deeper_than_python_calls(cli: Cli, docs: Path) -> None:
    write(docs, note_txt="A note that stands at the top.")
    folder = docs
    for _ in range(1100):
        folder = folder / "d"
        folder.mkdir()
    (folder / "deep.txt").write_text("A note that lies deep.")
    try:
        result = cli("import", docs, "--json")
    finally:  # what tidies up after tests calls itself for each folder
        (folder / "deep.txt").unlink()
        os.removedirs(folder)
    assert (result.code, result.json.get("read")) == (0, 4), result.err

"""Input that is wrong in ordinary ways: exit code 2, and a line that says what, where and what to do."""

from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, CliResult, write_dataset

WORK = Path(".syneg/tiny")
DEEP = "[" * 3000 + "]" * 3000
LONG = "9" * 5000
ROW = {"query_id": "q1", "doc_id": "d1", "prompt": "syneg", "response": "{}"}
EXPORTED = ROW | {
    "key": "k",
    "status": "ok",
    "provider": "openai",
    "model": "m",
    "endpoint": "e",
    "attributes": {},
}
Damage = Callable[[Path], object]


def told(result: CliResult, *parts: str) -> None:
    """Bad input: an error line that names these parts, a remedy, and no fault of ours."""
    assert result.code == 2, result.err or result.out
    lines = result.err.splitlines()
    assert len(lines) > 1, "no remedy"
    error = lines[-2]
    assert error.startswith("error: "), result.err
    assert "unexpected " not in result.err
    for part in parts:
        assert part in error


def bytes_of(data: bytes) -> Damage:
    return lambda path: path.write_bytes(data)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def dead_link(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("nowhere")


NO_FILES: list[tuple[Damage, str]] = [
    (folder, "is a folder, not a file"),
    (pipe, "is a pipe or a device, not a file"),
    (dead_link, "is a link to nowhere, which is not there"),
]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        *NO_FILES,
        (bytes_of(b"# one\n\xff"), "line 2: not UTF-8 text (byte 0xff)"),
        (bytes_of("work_dir = 'x'".encode("utf-16")), "line 1: not UTF-8 text"),
        (bytes_of(f"[mine]\nminers = {DEEP}".encode()), "line 2: lists and objects within one another"),
        (bytes_of(f"[train]\nseed = {LONG}".encode()), "line 2: a whole number with more than 4300 digits"),
        (
            bytes_of(f"[train]\nseed = 0x{'f' * 5000}".encode()),
            "line 2: train.seed: a whole number of TOML has 64 bits",
        ),
        (
            bytes_of(f"[generate]\nn = 0x{'f' * 5000}".encode()),
            "line 2: generate.n: a whole number of TOML has 64 bits",
        ),
        (bytes_of(f"train = 0x{'f' * 5000}".encode()), "line 1: train is a table"),
        (bytes_of(b"SQLite format 3\0"), "is an SQLite database, not text"),
    ],
)
def test_a_project_file(cli: Cli, damage: Damage, says: str) -> None:
    damage(Path("syneg.toml"))
    told(cli("status", "--show-config"), "syneg.toml", says)
    told(cli("status", "--show-config", "--project", "syneg.toml"), "syneg.toml", says)


@pytest.mark.parametrize("value", ["~nobody-at-all/x", "a\\u0000b"])
@pytest.mark.parametrize("key", ["work_dir", "dataset.data_dir", "generate.cache"])
def test_a_path_that_can_be_none(cli: Cli, tiny: Path, key: str, value: str) -> None:
    Path("syneg.toml").write_text(f'{key} = "{value}"\n')
    command = ("cache", "stats") if key == "generate.cache" else ("status", tiny)
    told(cli(*command), "is no path")


@pytest.mark.parametrize(
    "command",
    [
        ("status", "d\udcff"),
        ("status", "tiny", "--data-dir", "d\udcff"),
        ("mine", "tiny", "--miner", "run:d\udcff"),
        ("eval", "tiny", "--run", "d\udcff"),
        ("generate", "tiny", "--llm", "replay:d\udcff"),
        ("mix", "tiny", "--strategy", "retrieved", "--from", "d\udcff"),
        ("export", "tiny", "--output", "d\udcff"),
        ("prompts", "show", "d\udcff.txt"),
        ("cache", "import", "d\udcff"),
        ("status", "--project", "d\udcff"),
    ],
)
def test_a_name_in_another_encoding(cli: Cli, tiny: Path, command: tuple[str, ...]) -> None:
    """Latin-1's bytes, as Python hands them on: they fit into no manifest."""
    write_dataset(Path("d\udcff"))
    told(cli(*(tiny if part == "tiny" else part for part in command)), "d\\udcff", "UTF-8")


def test_a_number_that_nobody_counts_to(cli: Cli, tiny: Path) -> None:
    Path("r.jsonl").write_text(json.dumps(ROW))
    result = cli("generate", tiny, "--llm", "replay:r.jsonl", "--n", 10**18)
    assert result.code == 2
    assert "--n: input should be less than or equal to 1000000000000000" in result.err


def test_a_path_that_is_too_long(cli: Cli, tiny: Path) -> None:
    told(cli("eval", tiny, "--run", "x" * 5000), "cannot be read: File name too long")
    told(cli("status", tiny, "--project", "x" * 5000), "cannot be read: File name too long")
    told(cli("mine", tiny, "--miner", "random", "--work-dir", "x" * 5000), "File name too long")


@pytest.mark.parametrize(
    ("file", "damage", "says"),
    [
        ("qrels/test.tsv", bytes_of("q3\td5\t²\n".encode()), "line 1: the score '²' is not a whole number"),
        ("qrels/test.tsv", bytes_of(f"q3\td5\t{LONG}\n".encode()), "line 1: the score"),
        ("qrels/test.tsv", bytes_of(b"q3\td5\t1\nq4\td\xff\t1\n"), "line 2: not UTF-8 text (byte 0xff)"),
        ("qrels/test.jsonl", bytes_of(json.dumps({"query-id": "q3", "corpus-id": "d5", "score": 10**400}).encode()), "line 1: the score"),
        ("corpus.jsonl", bytes_of(f'{{"_id": {LONG}}}'.encode()), "line 1: not JSON: a whole number with more than"),
        ("corpus.jsonl", bytes_of(f'{{"_id": "d1", "text": {DEEP}}}'.encode()), "line 1: not JSON: lists and objects"),
        ("corpus.jsonl", bytes_of(b'{"_id": "d1", "text": "\\ud83d", "x": ' + b'{"a":' * 700 + b"1" + b"}" * 700 + b"}"), "line 1: not JSON: lists and objects"),
        ("corpus.jsonl", bytes_of(gzip.compress(random.Random(0).randbytes(999).hex().encode(), mtime=0)[:-99]), "damaged gzip file"),
        ("corpus.jsonl", bytes_of(b"PAR1" + b"\0" * 50 + b"PAR1"), "is not a Parquet file, or damaged"),
        ("queries.jsonl", bytes_of(b'{"_id": "q1", "text": "\xff"}'), "line 1: not UTF-8 text (byte 0xff)"),
    ],
)  # fmt: skip
def test_a_data_set(cli: Cli, tiny: Path, file: str, damage: Damage, says: str) -> None:
    (tiny / "qrels" / "test.tsv").unlink() if file == "qrels/test.jsonl" else None
    damage(tiny / file)
    told(cli("status", tiny), Path(file).name, says)


@pytest.mark.parametrize(("damage", "says"), NO_FILES)
@pytest.mark.parametrize(
    "command",
    [
        ("eval", "--run", "it"),
        ("mine", "--miner", "run:it"),
        ("mix", "--strategy", "retrieved", "--from", "it"),
        ("generate", "--llm", "replay:it"),
        ("generate", "--llm", "replay:good", "--prompt", "it.txt"),
    ],
)
def test_a_file_that_is_none(
    cli: Cli, tiny: Path, command: tuple[str, ...], damage: Damage, says: str
) -> None:
    Path("good").write_text(json.dumps(ROW))
    damage(Path("it.txt" if "it.txt" in command else "it"))
    told(cli(command[0], tiny, *command[1:]), says)


@pytest.mark.parametrize("command", [("import",), ("merge",)])
@pytest.mark.parametrize(("damage", "says"), NO_FILES)
def test_a_cache_that_is_none(cli: Cli, command: tuple[str, ...], damage: Damage, says: str) -> None:
    damage(Path("it"))
    told(cli("cache", *command, "it"), says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"query_id": ["q1"]}, "query_id has to be a string or a whole number; it is ['q1']"),
        ({"doc_id": None}, "doc_id has to be"),
        ({"response": {"negatives": []}}, "response has to be a string"),
        ({"prompt": 3}, "prompt has to be a string"),
        ({"finish_reason": []}, "finish_reason has to be a string"),
        ({"index": [1]}, "index has to be a whole number"),
        ({"words": "many"}, "words has to be a whole number"),
        ({"words": True}, "words has to be a whole number"),
        ({"words": 10**30}, "words has to be a whole number"),
        ({"attributes": "hard"}, "attributes has to be an object"),
    ],
)
def test_a_field_of_a_recorded_answer(cli: Cli, tiny: Path, change: dict[str, Any], says: str) -> None:
    Path("r.jsonl").write_text(json.dumps(ROW) + "\n" + json.dumps(ROW | change) + "\n")
    told(cli("generate", tiny, "--llm", "replay:r.jsonl"), "r.jsonl, line 2", says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (json.dumps({"query_id": "q1", "negative": "first", "query": "x"}).encode(), "negative has to be a whole number"),
        (f'{{"a": {DEEP}}}'.encode(), "not JSON: lists and objects within one another"),
        (f'{{"n": {LONG}}}'.encode(), "not JSON: a whole number with more than 4300 digits"),
        (b'{"query_id": "\xff"}', "not UTF-8 text (byte 0xff)"),
        (b"[]", "expected a JSON object"),
    ],
)  # fmt: skip
def test_a_line_of_recorded_answers(cli: Cli, tiny: Path, line: bytes, says: str) -> None:
    Path("r.jsonl").write_bytes(json.dumps(ROW).encode() + b"\n" + line)
    told(cli("generate", tiny, "--llm", "replay:r.jsonl"), "r.jsonl, line 2", says)


def test_a_recorded_attribute_may_have_the_name_of_a_variable(cli: Cli, tiny: Path) -> None:
    attributes = {"query": "x", "n": "9", "domain": "a", "difficulty": "b", "length": "c"}
    row = ROW | {
        "attributes": attributes,
        "response": json.dumps({"negatives": [{"document": "word " * 30}] * 2}),
    }
    Path("r.jsonl").write_text(json.dumps(row))
    result = cli("generate", tiny, "--llm", "replay:r.jsonl")
    assert result.code == 0, result.err


@pytest.mark.parametrize(
    "change",
    [
        {"key": ["k"]},
        {"max_tokens": 2**70},
        {"prompt_tokens": 1.5},
        {"cost_usd": "free"},
        {"status": "fine"},
        {"messages": "no JSON"},
        {"messages": '["x"]'},
        {"options": 3},
        {"messages": "[" * 3000},
        {"attributes": [1]},
        {"index": "1"},
        {"query_id": None},
    ],
)
def test_a_field_of_an_export(cli: Cli, tiny: Path, change: dict[str, Any]) -> None:
    Path("r.jsonl").write_text(json.dumps(ROW))
    cli("generate", tiny, "--llm", "replay:r.jsonl")
    Path("export.jsonl").write_text(json.dumps(EXPORTED) + "\n" + json.dumps(EXPORTED | change) + "\n")
    told(
        cli("cache", "import", "export.jsonl"),
        "export.jsonl, line 2",
        next(iter(change)).replace("index", "number"),
    )
    assert (
        cli("cache", "stats", "--json").json["rows"] in ([], None) or "openai" not in cli("cache", "list").out
    )


@pytest.mark.parametrize("value", [b"x", "[1]", 3, None])
def test_a_cache_with_something_else_in_a_column(cli: Cli, tiny: Path, value: object) -> None:
    Path("r.jsonl").write_text(json.dumps(ROW))
    cli("cache", "import", _export("export.jsonl"))
    with sqlite3.connect(".syneg/generations.db") as database:
        database.execute("UPDATE answers SET attributes = ?", [value])
    for command in (("list",), ("export", "out.jsonl"), ("show", "k")):
        result = cli("cache", *command)
        assert "unexpected" not in result.err
        assert result.code == 0 or "The stored answer 'k' is damaged: its attributes is" in result.err
        assert result.code == (
            0 if value is None or (command != ("export", "out.jsonl") and value != b"x") else 1
        )
    assert Path("out.jsonl").exists() == (value is None)


def _export(name: str, **change: object) -> str:
    Path(name).write_text(json.dumps(EXPORTED | change) + "\n")
    return name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ query }}{{ 9 ** 9 ** 9 }}", "numbers up to 10000"),
        ("{{ query }}{{ 'a' * 10000000000 }}", "numbers up to 10000"),
        (
            "{{ query }}" + "{% for x in query %}" * 25 + "{% endfor %}" * 25,
            "too many statically nested blocks",
        ),
        ("{{ query }}{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "too deep"),
        ("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}{{ query }}", "too deep"),
        ("{{ query|nofilter }}", "line 1: No filter named 'nofilter'"),
        ("\n\n{{ query.format(*positive) }}{{ '%999999999999d' % 1 }}", "line 3"),
    ],
)
def test_a_template(cli: Cli, text: str, says: str) -> None:
    Path("own.txt").write_text(text + '{{ positive }}\n{"negatives": [{"document": "..."}]}')
    told(cli("prompts", "show", "own.txt"), "own.txt, line ", says)


@pytest.mark.parametrize(("damage", "says"), [*NO_FILES, (bytes_of(b"a\n\xff"), "line 2: not UTF-8 text")])
def test_a_prompt_file(cli: Cli, damage: Damage, says: str) -> None:
    Path("prompts").mkdir()
    damage(Path("prompts/own.txt"))
    told(cli("prompts", "show", "own"), "own.txt", says)
    assert cli("prompts", "list").code == 0


def test_a_cost_that_is_no_number_is_a_damaged_answer(cli: Cli, tiny: Path) -> None:
    good = ROW | {"response": json.dumps({"negatives": [{"document": "word " * 30}] * 2})}
    Path("r.jsonl").write_text(json.dumps(good))
    cli("generate", tiny, "--llm", "replay:r.jsonl")
    with sqlite3.connect(".syneg/generations.db") as database:
        database.execute("UPDATE answers SET cost_usd = ?", [b"x"])
    result = cli("generate", tiny, "--llm", "replay:r.jsonl", "--force")
    assert result.code == 1
    assert "is damaged: its cost_usd is" in result.err

"""Tables in a narrow terminal: nothing wider than it, and what a command is given next is whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.core import Workspace, shipped_prompts
from syneg_cli.encoding.vector_store import Labels, open_store
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.stored import Stored
from tests.conftest import DOCS, Cli, CliResult, write_dataset
from tests.report.conftest import add_model, measured

LONG = "openai:meta-llama/Meta-Llama-3.1-70B-Instruct"
Narrow = Callable[..., CliResult]


@pytest.fixture
def narrow(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Narrow:
    """Run a command in a terminal of so many columns, beside a work directory with a bit of everything."""
    root = Path(".syneg")
    root.mkdir()
    with Cache(root / "generations.db") as cache:
        cache.add([answer(i) for i in range(12)])
    for blocks, model, texts in (
        (1, "sentence-transformers/all-MiniLM-L6-v2", "cqadupstack-android"),
        (2, "minilm", "queries"),
    ):
        store = open_store(
            root / "embeddings", model, texts, (522931, 4), 300000, Labels(model, "bf16", 256, texts)
        )
        for start in store.pending()[:blocks]:
            store.write(start, np.ones((min(300000, 522931 - start), 4)))
    work = Workspace(root, "tiny")
    for name in ("sentence-transformers--all-MiniLM-L6-v2-hybrid", "bge-base-requirements-graded"):
        add_model(work, name)
        measured(work, name, [0.5, 1.0, 0.25])
    Path("prompts").mkdir()
    Path("prompts/a-prompt-with-a-long-name.txt").write_text("{{ nothing }}")
    write_dataset(Path("tiny"), DOCS | {"d7": ("", f"{DOCS['d1'][0]} {DOCS['d1'][1]} Indeed.")})

    def run(*args: object, columns: int | None = 80) -> CliResult:
        monkeypatch.setenv("COLUMNS", str(columns or ""))
        if columns is None:
            monkeypatch.delenv("COLUMNS")
        return cli(*args)

    return run


def answer(number: int) -> Stored:
    provider, _, model = (LONG if number % 2 else "ollama:llama3").partition(":")
    return Stored(
        key=f"{number:064x}"[::-1],
        status=("ok", "unparsable", "refused")[number % 3],
        provider=provider,
        model=model,
        endpoint="http://localhost:8000/v1",
        prompt="requirements",
        query_id=f"PLAIN-{number}",
        doc_id=f"a-document-with-a-long-id-{number}",
        response="{}",
        prompt_tokens=1000,
        completion_tokens=700,
    )


def rows(shown: CliResult) -> list[list[str]]:
    """The cells of the lines of tables."""
    return [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in shown.out.splitlines() if "│" in line
    ]


def column(shown: CliResult, at: int) -> str:
    """What a person reads in a column, from the first line to the last."""
    return "".join(cells[at] for cells in rows(shown))


TABLES = (
    "cache list", "cache stats", "cache embeddings", "cache prune --status refused", "cache prune-embeddings --all",
    "prompts list", "report tiny", "mine tiny --miner bm25", "status tiny",
)  # fmt: skip


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("command", TABLES)
def test_no_table_is_wider_than_the_terminal(command: str, columns: int, narrow: Narrow) -> None:
    shown = narrow(*command.split(), columns=columns)
    assert shown.code == 0, shown.err
    tables = [line for line in shown.out.splitlines() if line[:1] in "┏┃┡│└"]
    assert len(tables) > 4
    assert max(map(cell_len, tables)) <= columns
    assert not any(len(cell) == 1 and cell.isalpha() for cells in rows(shown) for cell in cells)


def test_keys_and_names_are_whole_in_80_columns(narrow: Narrow) -> None:
    listed = rows(narrow("cache", "list"))
    assert [cells[0] for cells in listed] == [answer(number).key[:12] for number in reversed(range(12))]
    assert {cells[1] for cells in listed} == {"ok", "unparsable", "refused"}
    assert narrow("cache", "show", listed[2][0]).code == 0
    assert LONG in column(narrow("cache", "stats"), 0)
    vectors = narrow("cache", "embeddings")
    assert "sentence-transformers/all-MiniLM-L6-v2" in column(vectors, 1)
    for entry in json.loads(narrow("cache", "embeddings", "--json").out)["entries"]:
        assert entry["key"][:8] in column(vectors, 0)
    assert "50 %" in vectors.out
    assert "a-prompt-with-a-long-name" in column(narrow("prompts", "list"), 0)
    assert "sentence-transformers--all-MiniLM-L6-v2-hybrid" in column(narrow("report", "tiny"), 0)


def test_a_wide_terminal_shows_everything(narrow: Narrow) -> None:
    shown = narrow("cache", "list", columns=200)
    assert "…" not in shown.out
    assert len(rows(shown)[0]) == 9
    assert len(rows(narrow("cache", "embeddings", columns=200))[0]) == 9
    assert len(rows(narrow("prompts", "list", columns=200))[0]) == 4


@pytest.mark.parametrize("command", [*TABLES, "prompts check"])
def test_a_pipe_gets_everything(command: str, narrow: Narrow) -> None:
    """Whatever the width of the screen is: nothing is cut, left out or folded, so that `grep` finds it."""
    shown = narrow(*command.split(), columns=None)
    assert "…" not in shown.out
    if not command.startswith("mine"):  # which is up to date then
        assert shown.out == narrow(*command.split(), columns=5000).out
    if command == "prompts list":
        assert rows(shown)[0][3] == "prompts/a-prompt-with-a-long-name.txt"
        assert str(shipped_prompts()) in shown.out


def test_the_documents_show_the_columns_that_there_are(narrow: Narrow) -> None:
    page = (Path(__file__).parents[2] / "docs" / "mining.md").read_text(encoding="utf-8")
    in_the_page = next(line for line in page.splitlines() if line.startswith("┃ key"))
    shown = narrow("cache", "embeddings", columns=200).out
    heads = [line for line in shown.splitlines() if line.startswith("┃ key")]
    assert [line.split() for line in heads] == [in_the_page.split()]


def test_what_is_wrong_with_a_prompt_is_told_whole(narrow: Narrow) -> None:
    shown = narrow("prompts", "list", columns=60)
    assert "no JSON example of the answer" in shown.out
    assert "no JSON example of the answer" in narrow("prompts", "check", columns=60).out


def test_an_answer_is_shown_with_its_whole_key(narrow: Narrow) -> None:
    key = answer(3).key
    assert f"key: {key}\n" in narrow("cache", "show", key[:12], columns=40).out


def test_near_copies_that_were_left_out_are_a_row(narrow: Narrow) -> None:
    left = {
        cells[0]: cells[3] for cells in rows(narrow("mine", "tiny", "--miner", "bm25")) if len(cells) == 4
    }
    assert left["no near copy of one"] == "1"
    assert left["no positive"] == "3"
    mined = json.loads(narrow("mine", "tiny", "--miner", "bm25", "--force", "--json").out)
    assert mined["miners"][0]["near_copies"] == 1
    off = narrow("mine", "tiny", "--miner", "bm25", "--near-copies", "off")
    assert "no near copy" not in off.out


def lines_of(table: Fitted, width: int) -> list[str]:
    from rich.console import Console

    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_columns_are_cut_then_left_out_and_names_broken_last() -> None:
    table = Fitted(
        [
            Column("name"),
            Column("text", least=6),
            Column("path", least=8, at_start=True),
            Column("more", spare=1),
        ],
        [("meta-llama/Llama-3", "some words of text", "/a/long/path.txt", "1234567890")],
    )
    assert "1234567890" in lines_of(table, 80)[3]
    assert lines_of(table, 60)[3].split("│")[1:3] == [" meta-llama/Llama-3 ", " some wor… "]
    assert "…path.txt" in lines_of(table, 46)[3]
    assert "1234567890" not in lines_of(table, 46)[3]
    assert [line.split("│")[1].strip() for line in lines_of(table, 40)[3:5]] == ["meta-llama/", "Llama-3"]
    assert max(map(len, lines_of(table, 40))) <= 40

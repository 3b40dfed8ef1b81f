"""The scripts of docs/indexes: what they ask, and that `mine run:FILE` reads what they write."""

from __future__ import annotations

import runpy
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from syneg_cli.core import read_mined
from tests.conftest import QRELS, QUERIES, Cli
from tests.servers.indexes import IndexServer

SCRIPTS = sorted((Path(__file__).parents[2] / "docs" / "indexes").glob("from_*.py"))
WITH_VECTORS = {"from_opensearch", "from_qdrant", "from_milvus"}
HITS = [("d2", 9.5), ("d4", 7.25), ("d2", 11.0), ("d6", 1e-7), ("d5", -3.0)]
"""d2 is there twice, as an index of passages has it."""


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with IndexServer(HITS) as made:
        yield made


def run(script: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """As `python SCRIPT ARGUMENTS` does."""
    monkeypatch.syspath_prepend(str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_run_of_every_engine_is_mined(
    script: Path, cli: Cli, tiny: Path, tiny_model: Path, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDEX_HEADER", "Authorization: ApiKey abc")
    model = ("--model", tiny_model) if script.stem in WITH_VECTORS else ()
    run(script, monkeypatch, tiny, "run.trec", "--url", server.url, "--depth", 4, *model)
    asked = [query_id for query_id, _, _ in QRELS["train"]]
    assert len(server.asked) == len(asked), "the queries of train, and no other"
    assert {headers["authorization"] for headers in server.headers} == {"ApiKey abc"}
    if not model:
        assert all(QUERIES[one] in str(body) for one, body in zip(asked, server.asked, strict=True))
    lines = Path("run.trec").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[:5] for line in lines if line.startswith("q1")] == [
        ["q1", "Q0", "d2", "1", "11.0"],
        ["q1", "Q0", "d4", "2", "7.25"],
        ["q1", "Q0", "d6", "3", "1e-07"],
    ]
    mined = cli("mine", tiny, "--miner", "run:run.trec", "--set", "dataset.dev_fraction=0")
    assert mined.code == 0, mined.err
    found = read_mined(Path(".syneg/tiny/mined/run-run.trec.jsonl"))
    assert [one.doc_id for one in found if one.query_id == "q1"] == ["d2", "d4", "d6"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_failing_engine_leaves_no_run(
    script: Path, tiny: Path, tiny_model: Path, server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny)
    server.broken = True
    model = ("--model", tiny_model) if script.stem in WITH_VECTORS else ()
    with pytest.raises((SystemExit, urllib.error.HTTPError)):
        run(script, monkeypatch, tiny, "run.trec", "--url", server.url, *model)
    assert not Path("run.trec").exists()

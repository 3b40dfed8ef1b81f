"""Results that a change makes stale, and those that it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import manifest_path
from syneg_cli.evaluation import METRICS
from syneg_cli.evaluation.metrics import Metric
from tests.conftest import DOCS, QUERIES, Cli, CliResult, write_dataset
from tests.servers import ChatServer

DROP = ("--set", "dataset.identical_ids=drop")


def project(tmp_path: Path, tiny_model: Path, strategy: str, *, shared: bool) -> None:
    """Query q1 has the id of a document with another text, where ids are shared."""
    docs = DOCS | ({"q1": ("", "Vitamin C has no part in this.")} if shared else {})
    write_dataset(tmp_path / "data", docs, QUERIES)
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tmp_path / "data"}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\n'
        f'[mix]\nstrategy = "{strategy}"\n[train]\nbackbone = "{tiny_model}"\nepochs = 1\n',
        encoding="utf-8",
    )


def where(result: CliResult) -> dict[str, str]:
    assert result.code == 0, result.err
    stages: Any = result.json["stages"]
    return {one["stage"]: one["state"] for one in stages if one["stage"] != "verify"}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("strategy", ["retrieved", "synthetic"])
def test_what_identical_ids_decide_is_stale_when_they_change(
    cli: Cli, tmp_path: Path, tiny_model: Path, strategy: str, shared: bool
) -> None:
    project(tmp_path, tiny_model, strategy, shared=shared)
    with ChatServer() as server:
        llm = ("--set", "generate.llm=openai:m", "--set", f"generate.base_url={server.openai_url}")
        done = cli("run", *llm)
        assert done.code == 0, done.err
    before, after = where(cli("status", "--json")), where(cli("status", *DROP, "--json"))
    assert set(before.values()) == {"up to date"}
    assert after["train"] == ("stale" if shared else "up to date"), "masks"
    if strategy == "synthetic":
        assert after["mix"] == "up to date", "no document of the corpus is a negative"
    else:
        mixed = cli("mix", *DROP)
        assert ("identical_ids changed: 'auto' -> 'drop'" in mixed.err) is shared


@pytest.fixture
def measured(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    def run(*options: str) -> CliResult:
        result = cli("eval", tiny, "--backbone", tiny_model, "--json", *options)
        assert result.code == 0, result.err
        return result

    run()
    return run


def test_an_evaluation_without_a_new_metric_is_measured_again(
    measured: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "up to date" in measured().err
    monkeypatch.setitem(METRICS, "ndcg@5", Metric("nDCG", at=5))
    again = measured()
    assert "metrics changed" in again.err
    assert "computed from the stored run" in again.err
    (stored,) = (path for path in Path(".syneg/tiny/eval").glob("*-test.json"))
    assert "ndcg@5" in json.loads(stored.read_text(encoding="utf-8"))["metrics"]
    assert "up to date" in measured().err


@pytest.mark.parametrize("lacking", [None, "mrr@10"])
def test_an_evaluation_of_an_earlier_version_is_kept_if_it_has_all_metrics(
    measured: Cli, lacking: str | None
) -> None:
    (stored,) = Path(".syneg/tiny/eval").glob("*-test.json")
    manifest = json.loads(manifest_path(stored).read_text(encoding="utf-8"))
    del manifest["settings"]["metrics"]
    manifest["counts"].pop(lacking, None)
    manifest_path(stored).write_text(json.dumps(manifest), encoding="utf-8")
    assert ("metrics changed" in measured().err) is (lacking is not None)
    assert "up to date" in measured().err

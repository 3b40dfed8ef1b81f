"""What embedding APIs cost for results: in the report's sum once, and named where nobody noted it."""

from __future__ import annotations

from typing import Any

from syneg_cli.core.artifacts import Workspace
from tests.report.conftest import add_model
from tests.report.test_results import add, cells, page, total


def test_vectors_of_an_api_are_in_the_sum_once(work: Workspace) -> None:
    """mine and verify used the same ones: their totals over all runs stand at the later one."""
    add_model(work, "m")

    def bill(usd: float) -> dict[str, Any]:
        return {"job": "v", "model": "openai:m"} | total(usd)

    add(work.mined("dense"), "mine", {"vectors": [bill(2.0)]}, {"embed.base_url": None})
    checks = {"margin": {"embed.base_url": None}}
    add(work.verified(work.mined("dense")), "verify", {"vectors": [bill(3.0)]}, {"checks": checks})
    found = cells(work)
    assert found["mine", "dense"][-1] == "with verify mined-dense"
    assert found["verify", "mined-dense"][-1] == "$3.00"
    assert "vectors: see below" not in page(work)


def test_vectors_of_an_api_that_nobody_counted_are_named_as_not_in_the_sum(work: Workspace) -> None:
    add_model(work, "m")
    add(work.mined("dense"), "mine", {}, {"embed.base_url": None})
    judges = [{"job": "j", "llm": "openai:m", "prompt": "judge"} | total(1.0)]
    checks = {"judge": {}, "margin": {"embed.base_url": None}}
    add(work.verified(work.mined("dense")), "verify", {"judges": judges}, {"checks": checks})
    found = cells(work)
    assert found["mine", "dense"][-1] == "vectors: see below"
    assert found["verify", "mined-dense"][-1] == "$1.00; vectors: see below"
    assert "vectors: those of an embedding API, for mine dense, verify mined-dense;" in page(work)

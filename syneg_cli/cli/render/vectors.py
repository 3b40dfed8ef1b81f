"""What `--estimate` shows of embedding APIs: tokens and cost of the vectors that are not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.cli.render.generated import ESTIMATE, cost_row
from syneg_cli.encoding import Unpaid
from syneg_cli.stages import VectorEstimates

BASIS = "Tokens at 4 letters each; high: one for 3 bytes, as in languages whose tokens are short."


def estimated_vectors(found: VectorEstimates) -> tuple[dict[str, Any], list[Any]]:
    """(data, what is shown)"""
    apis = [{"dataset": dataset, **asdict(one)} for dataset, one in found.apis]
    shown: list[Any] = [
        table(dataset if len(found.apis) > 1 else None, ESTIMATE, list(_rows(one)))
        for dataset, one in found.apis
    ]
    shown += [BASIS] if shown else []
    shown += [f"{name} runs here: its vectors cost nothing." for name in found.here]
    return {"vectors": apis, "here": found.here}, shown or ["No encoder is used: nothing is paid."]


def _rows(one: Unpaid) -> Iterator[tuple[object, ...]]:
    yield f"texts for {one.model}", one.texts, None, None
    yield "from the cache", one.cached, None, None
    yield "calls", one.calls, None, None
    low, expected, high = (f"{tokens:,.0f}" for tokens in one.prompt_tokens)
    yield "tokens", expected, low, high
    yield cost_row("cost", one.cost)

"""What `syneg report` shows of its models."""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.core import duration
from syneg_cli.report import Facts, Model, Report, Result, Results, first_sentence, models_table, sum_of

SHOWN = ["model", "steps", "gradient variance", "to the backbone"]
SPARE = {"gradient variance": 3, "steps": 2}
"""What is left out where the terminal is narrow, the highest first."""


def shown(facts: Facts, made: Report) -> tuple[Any, ...]:
    """(data, what is printed) of a report."""
    data = {
        "dataset": facts.dataset,
        "report": str(made.markdown),
        "html": str(made.html),
        "figures": [str(figure) for figure in made.figures],
        "models": [summary(one) for one in facts.models],
        "left_out": list(facts.left_out),
        **costs(facts.results),
    }
    table = [models(list(facts.models), facts.split)] if facts.models else []
    return data, first_sentence(facts), *table, cost_line(facts.results), f"{made.html}\n{made.markdown}"


def summary(model: Model) -> dict[str, Any]:
    score, mix = model.score, model.mix
    gain = score.gain if score else None
    return {
        "name": model.name,
        "strategy": mix.strategy if mix else None,
        "ratio": mix.ratio if mix else None,
        "negatives": dict(mix.negatives) if mix else None,
        "steps": model.recording.steps,
        "loss": model.losses[-1] if model.losses else None,
        "gradient_variance": model.recording.gradient_variance(),
        "dev": list(model.dev),
        "written_queries": mix.written if mix else None,
        "ndcg@10": score.value if score else None,
        "to_backbone": gain.difference if gain else None,
        "p": gain.p_randomisation if gain else None,
        "notes": list(model.notes),
    }


def costs(results: Results) -> dict[str, Any]:
    """Each result and their sum, as data."""
    return {
        "results": [_result(row) for row in results.rows],
        "total": {
            "seconds": results.seconds,
            "cost": results.usd,
            "unknown": sum(_cost(row) is None for row in results.rows),
        },
        "results_left_out": list(results.notes),
    }


def cost_line(results: Results) -> str:
    """The sum in a sentence; the report's own table has the rest."""
    total = sum_of(results)
    cost = f"cost {total}" if results.usd else "cost no money" if results.priced else "cost an unknown sum"
    took = duration(results.seconds)
    return f"All results together {cost} and took {took}; the page has each, and says what is not in the sum."


def _result(row: Result) -> dict[str, Any]:
    return {
        "stage": row.stage,
        "name": row.name,
        "path": str(row.path),
        "made": row.made,
        "llm": row.llm,
        "prompt": row.prompt,
        "seconds": row.seconds,
        "cost": _cost(row),
        "counted_with": row.counted_with or None,
    }


def _cost(row: Result) -> float | None:
    return row.usd if row.priced and not row.vectors else None


def models(found: list[Model], split: str) -> Any:
    """What fits a terminal; the report's own table has the rest."""
    whole = models_table(found, split)
    p = "p, corrected" if "p, corrected" in whole.columns else "p"
    columns = [*SHOWN[:3], f"nDCG@10, {split}", SHOWN[3], p]
    places = [list(whole.columns).index(column) for column in columns]
    rows = [[row[place] for place in places] for row in whole.rows]
    shown = [Column(name, spare=SPARE.get(name, 0)) for name in columns]
    return Fitted(shown, rows, right=lambda column: column != "model")

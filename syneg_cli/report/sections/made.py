"""What was done with which data, model, prompt and money: a short table, and all of it folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syneg_cli.core import counted, duration
from syneg_cli.report.costs import results_blocks, sum_of
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, BulletList, Folded, Heading, Paragraph, Table
from syneg_cli.report.wording import legend_of_table, models_table, settings_lines
from syneg_cli.studies import Study


def made(facts: Facts) -> list[Block]:
    blocks: list[Block] = [
        Heading("What was done"),
        Table(["", ""], [list(row) for row in _short(facts)]),
    ]
    if facts.models:
        legend = [*legend_of_table(facts.models, facts.split), *settings_lines(facts.models)]
        title = f"{counted(len(facts.models), 'model')}: settings and scores"
        blocks.append(Folded(title, [models_table(facts.models, facts.split), BulletList(legend)]))
    if results := results_blocks(facts.results):
        blocks.append(Folded("Every result, and what it cost", results))
    notes = [*(note for model in facts.models for note in model.notes), *facts.left_out, *facts.notes]
    notes += facts.negatives.notes
    if notes:
        blocks += [
            Paragraph("What is missing on this page, and why:"),
            BulletList(list(dict.fromkeys(notes))),
        ]
    return blocks


def _short(facts: Facts) -> Iterator[tuple[str, str]]:
    """(what, which) of everything that is known."""
    yield "data", _data(facts)
    rows = facts.results.rows
    if llms := _each(row.llm for row in rows):
        yield "LLM", llms
    if prompts := _each(row.prompt for row in rows):
        yield "prompt", prompts
    for stage, title in (
        ("generate", "LLM-written negatives"),
        ("mine", "retrieved negatives"),
        ("queries", "LLM-written queries"),
    ):
        if told := _each(f"{row.name}: {row.made}" for row in rows if row.stage == stage and row.made):
            yield title, told
    if facts.models:
        yield "models", _models(facts)
    if studies := _each(map(_study, facts.studies)):
        yield "studies", studies
    if rows:
        yield "money", {"–": "nothing was paid"}.get(sum_of(facts.results), sum_of(facts.results))
        yield "time", f"{duration(facts.results.seconds)} of all runs that made what is here"


def _data(facts: Facts) -> str:
    dataset = facts.texts
    if dataset is None:
        return facts.dataset
    splits = ", ".join(f"{len(qrels):,} {name}" for name, qrels in dataset.judgements.items() if qrels)
    return f"{facts.dataset}: {len(dataset.corpus):,} documents; queries: {splits or 'none judged'}"


def _models(facts: Facts) -> str:
    backbones = _each(str(model.settings.get("backbone") or "") for model in facts.models)
    days = sorted({model.trained for model in facts.models if model.trained})
    when = f", trained {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else ""
    count, measured = len(facts.models), sum(model.score is not None for model in facts.models)
    which = "all" if measured == count else str(measured)
    many = f"{counted(count, 'model')}{when}, {which} measured on {facts.split}"
    return f"{many}; backbone: {backbones or 'unknown'}"


def _study(study: Study) -> str:
    arms, seeds = counted(len(study.plan.arms), "arm"), counted(len(study.plan.seeds), "seed")
    return f"{study.plan.name} ({arms}, {seeds}; backbone {study.plan.backbone})"


def _each(values: Iterable[str | None]) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))

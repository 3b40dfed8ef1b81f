"""What `generate --pilot` foretold, what that rests on, and how often such forecasts came true."""

from __future__ import annotations

from collections.abc import Iterator

from syneg_cli.core import counted
from syneg_cli.forecast import ABOUT, CAVEAT, SPEAKS, Forecast
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, BulletList, Heading, Paragraph, Table


def pilots(facts: Facts) -> list[Block]:
    """Nothing where there was no pilot."""
    if not facts.pilots:
        return []
    found = [block for name, told in facts.pilots.items() for block in _forecast(name, told)]
    return [Heading("What the pilot foretold"), *found, Paragraph(f"{CAVEAT} {_record(facts)}".rstrip())]


def _forecast(name: str, told: Forecast) -> Iterator[Block]:
    yield Paragraph(f"{name}, from {counted(told.pairs, 'pair')}: {ABOUT[told.verdict]}.")
    rows = [[one.rule, SPEAKS[one.says], one.text] for one in told.evidence]
    yield Table(["rests on", "speaks", "measured [95 % interval]"], rows)
    if told.notes:
        yield BulletList(told.notes)


def _record(facts: Facts) -> str:
    """How often the forecasts of all studies were right."""
    decided = [one.right for study in facts.studies for one in study.outcomes if one.right is not None]
    if not decided:
        return ""
    many = counted(len(decided), "forecast")
    return f"Of {many} that the studies below decided, {sum(decided)} came true."

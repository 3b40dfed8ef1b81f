"""The sections of the page, in its order: each is a function of the facts that gives blocks, or none.

A new section is a function in a file here, and a line in `SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block
from syneg_cli.report.sections.answer import answer
from syneg_cli.report.sections.comparisons import comparisons
from syneg_cli.report.sections.made import made
from syneg_cli.report.sections.pilots import pilots
from syneg_cli.report.sections.queries import queries
from syneg_cli.report.sections.samples import samples
from syneg_cli.report.sections.seen import training_saw
from syneg_cli.report.sections.sources import sources
from syneg_cli.report.sections.study import study_section
from syneg_cli.report.sections.sweeps import sweep_section
from syneg_cli.report.sections.training import training

SECTIONS: Sequence[Callable[[Facts], Sequence[Block]]] = (
    answer,
    made,
    pilots,
    study_section,
    training_saw,
    comparisons,
    queries,
    sweep_section,
    sources,
    training,
    samples,
)


def page_of(facts: Facts) -> list[Block]:
    """The whole page; what there is nothing to say of is not in it."""
    return [block for section in SECTIONS for block in section(facts)]

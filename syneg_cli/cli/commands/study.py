"""`syneg study`: arms times seeds, from a plan that is frozen before anything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from syneg_cli.cli.options import DISJOINT, Call, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.studied import planned, studied
from syneg_cli.stages import run_study


@make(*section("study", leave_out=("define",)), DISJOINT)
def command(
    call: Call,
    plan: Annotated[
        bool, typer.Option("--plan", help="Freeze the plan and show it; nothing is trained.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Freeze the plan anew; what an earlier one found is put aside."),
    ] = False,
) -> None:
    """Train and measure arms of negatives, queries and levers, each against its control.

    The plan is frozen first: arms, controls, seeds, what counts. The same command goes on where it stopped.
    """
    output = call.output
    study = run_study(
        call.session,
        plan_only=plan,
        force=force,
        frozen_now=lambda frozen: output.show(*planned(frozen)[1]),
    )
    data, shown = planned(study.frozen) if plan else studied(study)
    output.result(data, *shown)
    if plan:
        output.note("Next: the same command without --plan runs it.")

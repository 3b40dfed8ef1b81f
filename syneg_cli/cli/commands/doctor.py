"""`syneg doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.options import Call, flags
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.examined import examined
from syneg_cli.core import write_text
from syneg_cli.stages import bug_report, examine


@make(*flags("generate.llm", "generate.base_url", "train.backbone"), dataset=False)
def command(
    call: Call,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="Write a report for others: no keys, no texts, no paths of your home.", metavar="FILE"
        ),
    ] = None,
) -> None:
    """Look at this machine, the project, its caches, keys, server and model. Nothing is changed or paid."""
    with call.output.task("Looking around", None):
        checks = examine(call.session)
    if bundle:
        write_text(bundle, bug_report(call.session, checks))
    states = [check.state for check in checks]
    data = {
        "checks": [asdict(check) for check in checks],
        "problems": states.count("problem"),
        "warnings": states.count("warning"),
        "bundle": str(bundle) if bundle else None,
    }
    call.output.result(data, *examined(checks))
    if bundle:
        call.output.note(f"{bundle} is written; read it before you send it.")
    if "problem" in states:
        raise typer.Exit(1)

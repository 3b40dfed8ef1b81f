"""`syneg mix`: synthetic and mined negatives -> training instances."""

from __future__ import annotations

from typing import Annotated

import typer

from syneg_cli.cli.options import DISJOINT, MINERS, SYNTHETIC, WRITTEN, Call, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.mixed import instances
from syneg_cli.cli.render.stages import tables
from syneg_cli.stages import Mix, perform


@make(
    *section("mix", negatives="--negatives -k", file="--from"),
    SYNTHETIC,
    MINERS,
    WRITTEN,
    DISJOINT,
    force=True,
)
def command(
    call: Call,
    preview: Annotated[int, typer.Option(help="Show N instances as a person reads them.", metavar="N")] = 0,
) -> None:
    """Mix synthetic and mined negatives into training instances."""
    dataset = call.dataset()
    done = perform(Mix(call.session, dataset), force=call.force)
    shown = [*tables(done, dataset), *(instances(done.path, dataset, preview) if preview > 0 else ())]
    call.output.result(done.as_json(), *shown)

"""`syneg run`: every stage that is not up to date."""

from __future__ import annotations

from syneg_cli.cli.options import PIPELINE, Call
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.measured import measured
from syneg_cli.cli.render.stages import tables
from syneg_cli.stages import Performed, remembering, run_stages


@make(*PIPELINE, force=True)
def command(call: Call) -> None:
    """Do whatever of generate, mine, mix, train and eval is not up to date."""
    dataset = call.dataset()
    session = remembering(call.session, dataset)

    def ended(stage: Performed) -> None:
        call.output.show(*tables(stage, dataset))

    done, result = run_stages(session, dataset, ended, force=call.force)
    data, shown = measured(result)
    call.output.result({"stages": [each.as_json() for each in done], "evaluation": data}, *shown)

"""`syneg status`: where every stage stands."""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.options import PIPELINE, Call
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.stages import states as table_of
from syneg_cli.stages import (
    State,
    beginning_states,
    measuring,
    remembering,
    stages_of,
    states,
    study_states,
    tell_of_other,
    with_costs,
)


@make(*PIPELINE)
def command(call: Call) -> None:
    """Show which stages are up to date, and why the others are not."""
    session = call.session
    found, dataset = beginning_states(session)
    name = dataset.name if dataset else session.need_name()
    if dataset is not None:
        tell_of_other(session, dataset)
        session = measuring(remembering(session, dataset), dataset)
        if not any(one.state == "waits" for one in found):
            found += states(stages_of(session, dataset))
        found = [*with_costs(session, dataset, found), *study_states(session, dataset)]
    shown = table_of(found, name, session.work_dir)
    call.output.result({"dataset": name, "stages": [_data(one) for one in found]}, *shown)


def _data(state: State) -> dict[str, Any]:
    """Whole: what is brief is for tables."""
    return {name: value for name, value in vars(state).items() if name != "brief"}

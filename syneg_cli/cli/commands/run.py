"""`syneg run`: every stage that is not up to date."""

from __future__ import annotations

from functools import partial

from syneg_cli.cli.options import PIPELINE, Call
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.imported import imported
from syneg_cli.cli.render.measured import measured
from syneg_cli.cli.render.queries import queries
from syneg_cli.cli.render.stages import tables
from syneg_cli.core import near
from syneg_cli.data import Dataset, Imported
from syneg_cli.stages import Performed, begun, page_of, run_stages


@make(*PIPELINE, force=True)
def command(call: Call) -> None:
    """Do whatever of generate, mine, mix, train and eval is not up to date.

    Where a project has documents alone, `import` and `queries` come first, and a page is made at the end.
    """
    output = call.output

    def ended(stage: Imported | Performed, dataset: Dataset | None) -> None:
        if stage.skipped or dataset is None:
            output.show(*(imported(stage) if isinstance(stage, Imported) and not stage.skipped else ()))
        elif isinstance(stage, Performed) and stage.stage == "queries":
            output.show(*queries(stage, "documents", call.session.query_weight(dataset)))
        elif isinstance(stage, Performed):
            output.show(*tables(stage, dataset))

    first = begun(call.session, ended, force=call.force)
    later = partial(ended, dataset=first.dataset)
    done, result = run_stages(first.session, first.dataset, later, force=call.force)
    section = call.session.project.eval
    data, shown = measured(result, section.equivalence_margin, section.metrics)
    page = page_of(first.session) if call.session.documents else None
    stages = [each.as_json() for each in (*first.done, *done)]
    output.result(
        {"stages": stages, "evaluation": data, "report": str(page) if page else None},
        *shown,
        *([f"What was done, as a page: {near(page)}"] if page else []),
    )
    model = next(one.path for one in done if one.stage == "train")
    output.note(f"The model: {near(model)}{'' if page else '. Next: `syneg report` makes a page of it.'}")

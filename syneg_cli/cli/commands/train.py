"""`syneg train`: training instances + a backbone -> a sentence-transformers model folder."""

from __future__ import annotations

from typing import Annotated

import typer

from syneg_cli.cli.options import DISJOINT, MIXED, WRITTEN, Call, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.stages import tables
from syneg_cli.core import world
from syneg_cli.encoding import check_push, push
from syneg_cli.stages import Train, perform
from syneg_cli.training import CROSS_ENCODER


@make(
    *section("train", share_negatives="--share-negatives/--own-negatives"),
    MIXED,
    WRITTEN,
    DISJOINT,
    force=True,
)
def command(
    call: Call,
    push_to_hub: Annotated[
        str | None,
        typer.Option(help="Upload the model to the Hugging Face hub, with HF_TOKEN.", metavar="OWNER/NAME"),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private/--public", help="Who may see what --push-to-hub uploads.")
    ] = True,
) -> None:
    """Fine-tune a backbone on the mixed training instances."""
    output, dataset = call.output, call.dataset()
    target = push_to_hub if world().leads else None
    if target is not None:
        check_push(target, private=private, progress=output)
    done = perform(Train(call.session, dataset), force=call.force)
    data, shown = done.as_json(), [*tables(done, dataset)]
    try:
        if target is not None:
            data["url"] = push(done.path, target, private=private, progress=output)
            shown.append(data["url"])
    finally:  # what was trained is shown also where the hub does not take it
        output.result(data, *shown)
    if call.session.project.train.kind == CROSS_ENCODER:
        output.note(call.session.again("eval", "--rerank", done.path.name))

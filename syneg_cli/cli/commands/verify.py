"""`syneg verify`: which negatives are relevant after all, and what becomes of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import typer

from syneg_cli.cli.asking import (
    BatchRead,
    BatchWrite,
    Files,
    RetryBad,
    after_answers,
    check_ways,
    through_files,
)
from syneg_cli.cli.options import ASKING, DISJOINT, SYNTHETIC, WRITTEN, Call, Flag, flags, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.generated import estimated
from syneg_cli.cli.render.vectors import estimated_vectors
from syneg_cli.cli.render.verified import verified
from syneg_cli.core import UsageError
from syneg_cli.stages import (
    UNWRITTEN,
    estimate_judge,
    estimate_scorers,
    judge_requests,
    perform,
    same_server,
    verify_stages,
)


@make(
    *section("verify", checks="--check", sources="--source", prompt="--judge-prompt"),
    *ASKING,
    replace(SYNTHETIC, names=("--synthetic", "--name")),
    Flag("mine.backbone", help="The encoder of the margin check; openai:MODEL and ollama:MODEL, too."),
    Flag("embed.base_url", ("--embed-base-url",), "The server of the margin check's encoder."),
    *flags("embed.dimensions"),
    WRITTEN,
    DISJOINT,
    force=True,
)
def command(
    call: Call,
    batch_write: BatchWrite = None,
    batch_read: BatchRead = None,
    retry_bad: RetryBad = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Calls, tokens and cost of the checks; nothing is sent.")
    ] = False,
) -> None:
    """Find false negatives among the synthetic and the mined ones.

    Verdicts are stored beside the negatives; those of earlier checks are kept. `syneg mix` reads them.
    """
    files = Files(batch_write, batch_read)
    check_ways(call, files, {"--estimate": estimate}, retry_bad=retry_bad)
    if retry_bad and "judge" not in call.session.project.verify.checks:
        asked = ", ".join(call.session.project.verify.checks)
        raise UsageError(
            f"--retry-bad is for the judge, and --check names {asked}.", hint="Add --check judge."
        )
    dataset = call.dataset()
    session = same_server(call.session, dataset)
    if estimate:
        found = estimate_judge(session, dataset, again=retry_bad)
        data = asdict(found)
        told = [*estimated(found, "negatives")] if found.pairs else []
        scorers = estimate_scorers(session, dataset)
        vectors, shown = estimated_vectors(scorers)
        told += shown if scorers.apis or scorers.here else []
        call.output.result({"negatives": data.pop("pairs"), **data, **vectors}, *told)
        return
    if files:
        read = through_files(call, files, lambda: judge_requests(session, dataset, again=retry_bad))
        if read is None:
            return
        stages = verify_stages(session, dataset, unsent=UNWRITTEN)
        done = [after_answers(stage, call, read["read"]) for stage in stages]
    else:
        stages = verify_stages(session, dataset, again=retry_bad)
        because = "--force" if call.force else "--retry-bad"
        done = [perform(stage, force=call.force or retry_bad, because=because) for stage in stages]
    data, shown = verified(done, dataset)
    data |= {"batch": read} if files else {}
    call.output.result(data, *shown)

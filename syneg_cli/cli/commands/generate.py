"""`syneg generate`: LLM-written hard negatives for every training pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from syneg_cli.cli.asking import (
    Batch,
    BatchRead,
    BatchWrite,
    Estimating,
    Files,
    RetryBad,
    ask,
    ask_by_files,
    check_ways,
)
from syneg_cli.cli.options import DISJOINT, WRITTEN, Call, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.generated import estimated
from syneg_cli.cli.render.piloted import piloted
from syneg_cli.cli.render.stages import tables
from syneg_cli.core import UsageError
from syneg_cli.generation import QUERY, Prompt, load_prompt
from syneg_cli.stages import Generate, MirrorQueries, Pilot, Session, flag_of, perform, same_server

OF_PAIRS = ("n", "limit", "shard", "max_words", "max_tokens", "corrections")
"""Settings of [generate] that are about pairs and their negatives."""


@make(*section("generate", leave_out=("price",)), WRITTEN, DISJOINT, force=True)
def command(
    call: Call,
    retry_bad: RetryBad = False,
    batch: Batch = None,
    batch_write: BatchWrite = None,
    batch_read: BatchRead = None,
    estimate: Estimating = False,
    pilot: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Ask about N pairs alone (50 are a good start), and say whether all will help.",
        ),
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="With --pilot: the model also says which negatives are relevant.")
    ] = False,
) -> None:
    """Let an LLM write hard negatives for every training pair.

    Every answer is stored as soon as it comes: stop and resume at any time, nothing is paid twice.
    """
    output, dataset = call.output, call.dataset()
    session = same_server(call.session, dataset)
    prompt = load_prompt(session.project.generate.prompt, session.resolved.folder)
    files = Files(batch_write, batch_read)
    _check(pilot, judge=judge, batch=batch, mirrors=prompt.kind == QUERY)
    check_ways(call, files, {"--estimate": estimate, "--pilot": pilot}, batch=batch, retry_bad=retry_bad)
    if prompt.kind == QUERY:
        given = {"--batch": batch, "--estimate": estimate, "--retry-bad": retry_bad}
        _check_mirrors(session, prompt, given)
        mirror = MirrorQueries(session, dataset, prompt)
        if done := ask_by_files(mirror, call, files) if files else perform(mirror, force=True):
            output.result(done.as_json(), *tables(done, dataset))
        return
    stage: Generate = Generate(session, dataset, again=retry_bad)
    if pilot is not None:
        stage = Pilot(session, dataset, pilot, judge=judge, again=retry_bad)
    if estimate:
        found = stage.estimate()
        output.result(asdict(found), *estimated(found))
    elif made := ask(stage, call, batch=batch, files=files):
        output.result(made.as_json(), *(tables(made, dataset) if pilot is None else piloted(made)))
        if pilot is not None and made.counts["whole_job"]["calls"]:
            output.note("The same command without --pilot asks for the rest; nothing is paid twice.")


def _check_mirrors(session: Session, prompt: Prompt, given: Mapping[str, object]) -> None:
    """Raises UsageError for options that have no part in asking for the queries of negatives."""
    if flag := next((flag for flag, value in given.items() if value), None):
        raise UsageError(
            f"{flag} is not for {prompt.name}: the queries of negatives are asked for at once.",
            hint="Leave it out; --max-cost and --max-calls bound what is sent, --batch-write writes it.",
        )
    if key := next((key for key in OF_PAIRS if session.named(f"generate.{key}")), None):
        raise UsageError(
            f"{flag_of(f'generate.{key}')} is not for {prompt.name}: every negative gets a query.",
            hint="Leave it out; --max-cost and --max-calls bound what is sent.",
        )


def _check(pilot: int | None, *, judge: bool, batch: str | None, mirrors: bool) -> None:
    """Raises UsageError for options that have no meaning together."""
    if judge and pilot is None:
        raise UsageError("--judge goes with --pilot.", hint="`syneg verify` judges the negatives there are.")
    if pilot is not None and batch:
        raise UsageError(
            "--pilot and --batch exclude each other.", hint="A pilot is asked at once: it is short."
        )
    if pilot is not None and mirrors:
        raise UsageError(
            "--pilot is for prompts that ask for negatives, and this one asks for queries.",
            hint="Leave --pilot out, or name another --prompt.",
        )

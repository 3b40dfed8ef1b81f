"""The judge of [verify]: who it is, what its verdicts depend on, what asks it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from syneg_cli.core import BudgetExceeded, UsageError, content_hash, counted
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.generation import JUDGEMENT, Prompt, load_prompt
from syneg_cli.llm import RAISE_CAP, Asked, Classify, Request, Stats, ask_each
from syneg_cli.stages import encoders, language_model
from syneg_cli.stages.mine import backbone_of
from syneg_cli.stages.session import Session
from syneg_cli.verification import CHECKS, Check, Tools, is_graded

JUDGEMENT_TOKENS = 120
"""What a judgement is long where nothing is known of the model: two sentences, and a quotation."""


def judge_settings(session: Session, dataset: Dataset) -> dict[str, Any]:
    """What a judge's verdicts depend on, beside what is judged."""
    prompt = judge_prompt(session)
    asked = content_hash([prompt.source, dataset.relevance])
    seed, llm = session.project.generate.seed, language_model.llm_spec(session, "verify")
    grades = {"relevant from": session.project.verify.relevant_from} if is_graded(prompt) else {}
    return {"llm": llm, "prompt": asked, "seed": seed, "evidence": "in pieces", **grades}


def judge_prompt(session: Session) -> Prompt:
    """The prompt that [verify] names."""
    return load_prompt(session.project.verify.prompt, session.resolved.folder, kind=JUDGEMENT)


def judge_job(session: Session, dataset: Dataset) -> str:
    """What the judge's calls on all files are counted for."""
    spec, prompt = language_model.llm_spec(session, "verify"), judge_prompt(session)
    return content_hash(["verify", dataset.name, spec, prompt.source, dataset.relevance])[:16]


def judge_bill(session: Session, dataset: Dataset) -> dict[str, Any]:
    """Who judges, and what its calls cost over all runs."""
    return language_model.bill(session, judge_job(session, dataset), "verify", judge_prompt(session).name)


def judge_of(
    session: Session,
    dataset: Dataset,
    *,
    job: str,
    used: list[Stats],
    unsent: str = "",
    again: bool = False,
) -> Check:
    """The judge of [verify], for queries of a data set.

    Args:
        job: what its calls are counted for.
        used: gets what each time of asking took; `unsent` and `again` are as in `open_engine`.
    """
    return CHECKS["judge"](tools_of(session, dataset, job=job, used=used, unsent=unsent, again=again))


def tools_of(
    session: Session,
    dataset: Dataset,
    *,
    job: str = "",
    used: list[Stats] | None = None,
    unsent: str = "",
    again: bool = False,
) -> Tools:
    settings = session.project.verify

    def make_encoder() -> Encodes:
        if session.named("generate.base_url") and "judge" not in settings.checks:
            raise UsageError(
                "--base-url is the judge's server, and there is no judge.",
                hint="--embed-base-url names that of the margin check's encoder.",
            )
        return encoders.open_encoder(session, dataset, backbone_of(session))

    def ask(count: int, make: Callable[[int], Request], classify: Classify) -> list[Asked]:
        llm = language_model.open_model(session, language_model.llm_spec(session, "verify"))
        with language_model.open_cache(session) as answers:
            job_ = job or judge_job(session, dataset)
            engine = language_model.open_engine(session, llm, answers, job=job_, again=again, unsent=unsent)
            watch = session.watch("judge", engine.limits.max_cost, "judgements")
            with language_model.asking(session, "judge"), watch as tick:
                try:
                    found = ask_each(engine, count, make, classify=classify, tick=tick)
                except BudgetExceeded as stopped:
                    there = engine.stats.from_cache + engine.stats.answered
                    told = f"{there} of {counted(count, 'judgement')} are made, and kept."
                    raise BudgetExceeded(f"{stopped.message} {told}", hint=RAISE_CAP) from None
        if used is not None:
            used.append(engine.stats)
        for failure in engine.stats.failed_for_good():
            session.progress.warn(f"judge: {failure}")
        session.progress.note(f"judge: {engine.stats.from_cache} of {count} judgements came from the cache")
        return found

    seed, prompt = session.project.generate.seed, partial(judge_prompt, session)
    return Tools(dataset, settings, make_encoder, prompt, ask, seed, session.progress)

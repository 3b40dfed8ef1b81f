"""Negatives in Python: written, mined, verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from syneg_cli.core import (
    LLMError,
    MinedNegative,
    NoProgress,
    Progress,
    SyntheticNegative,
    UsageError,
    content_hash,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder
from syneg_cli.generation import (
    JUDGEMENT,
    NEGATIVES,
    Asking,
    GenerateSettings,
    Generator,
    Outcome,
    candidates_of,
    fill,
    load_prompt,
    read_negatives,
    select_pairs,
)
from syneg_cli.library.arguments import (
    WORK_DIR,
    answers,
    embeddings,
    engine_for,
    listed,
    need_dataset,
    need_local,
    need_records,
    need_text,
    settings_from,
    ticking,
)
from syneg_cli.library.spoken import in_python, step
from syneg_cli.llm import Asked, CallSettings, Classify, ask_each, open_llm
from syneg_cli.mining import MinedNegatives, MineSettings, Selection, Setup, mine_negatives
from syneg_cli.verification import (
    CHECKS,
    Tools,
    VerifySettings,
    applied,
    candidate_of,
    known_of,
    place_of,
    settled_all,
    unverified,
    verdicts_of,
)

N = TypeVar("N", bound=SyntheticNegative | MinedNegative)


@dataclass(frozen=True, repr=False)
class Written:
    """LLM-written negatives. `counts` says how many pairs were answered, and why negatives were dropped."""

    negatives: tuple[SyntheticNegative, ...]
    counts: Mapping[str, int]
    cost_usd: float | None
    """Of this call; None for an unpriced model."""

    def __repr__(self) -> str:
        return f"<Written: {len(self.negatives)} negatives, {dict(self.counts)}>"

    def __iter__(self) -> Iterator[SyntheticNegative]:
        return iter(self.negatives)

    def __len__(self) -> int:
        return len(self.negatives)


@step
def generate(
    dataset: Dataset,
    llm: str,
    *,
    candidates: Iterable[MinedNegative] = (),
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> Written:
    """Let a language model write negatives for the training pairs. Works inside a running event loop.

    Args:
        llm: `PROVIDER:MODEL`, as for `--llm`.
        candidates: mined negatives, for a prompt that rewrites them.
        settings: those of [generate]: n, prompt, max_cost, limit, ...

    Raises:
        BudgetExceeded: at a cap. What was answered is kept; the same call with a higher cap goes on.
        LLMError: nothing usable came.
    """
    need_dataset(dataset)
    chosen = settings_from(GenerateSettings, settings, llm=llm)
    offered = listed(candidates, "candidates")
    need_records(dataset, offered)
    prompt = load_prompt(chosen.prompt, Path.cwd(), kind=NEGATIVES)
    texts = candidates_of(offered, dataset, chosen.n) if prompt.needs_candidates else None
    model = open_llm(llm, base_url=chosen.base_url, timeout=chosen.timeout)
    model.tell = (progress or NoProgress()).warn
    generator = Generator(dataset, prompt, model, Asking.of(chosen), texts)
    pairs = select_pairs(dataset.pairs("train"), limit=chosen.limit, shard=chosen.shard)
    keys: list[str | None] = [None] * len(pairs)
    job = ["library", dataset.name, dict(model.identity()), prompt.source, chosen.deciding()]
    with answers(chosen, work_dir) as cache:
        engine = engine_for(chosen, model, cache, content_hash(job)[:16])
        with (progress or NoProgress()).task("generate", len(pairs), "pairs") as advance:
            fill(generator, pairs, engine, keys, tick=ticking(advance))
        outcome = Outcome(engine.stats, keys, Counter(), Counter())
        counters = {"counts": outcome.negatives, "unusable": outcome.unusable}
        written = read_negatives(generator, pairs, keys, cache, shared=outcome.shared, **counters)
        negatives = tuple(written)
    if not outcome.usable:
        raise LLMError(f"{llm} wrote no usable negative for {len(pairs)} pairs: {outcome.causes()}.")
    if told := outcome.repeats():
        model.tell(told)
    counts = {"pairs": len(pairs), "answered": outcome.answered, "ok": outcome.usable, **outcome.dropped}
    return Written(negatives, counts, None if engine.stats.unpriced else engine.stats.cost_usd)


@step
def mine(
    dataset: Dataset,
    miner: str = "dense",
    *,
    backbone: str | PathLike[str] = "minilm",
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> MinedNegatives:
    """Retrieved negatives of one miner: random, bm25, dense, simans, run:FILE, fusion:A+B.

    Args:
        settings: those of [mine]: depth, percentage, draw, ...
    """
    need_dataset(dataset)
    need_local(backbone)
    need_text("miner", miner)
    need_text("backbone", str(backbone) if isinstance(backbone, PathLike) else backbone)
    chosen = settings_from(MineSettings, settings, leave_out=("miners",), backbone=backbone)
    told = progress or NoProgress()

    def make_encoder() -> Encoder:
        return Encoder.load(
            str(backbone),
            precision=chosen.precision,
            max_length=chosen.max_length,
            cache=embeddings(work_dir),
            batch_size=chosen.batch_size,
            trust_remote_code=chosen.trust_remote_code,
            backend=chosen.backend,
            progress=told,
        )

    setup = Setup.of(chosen, dataset, make_encoder, told)
    mined = mine_negatives(dataset, [miner], setup=setup, selection=Selection.of(chosen))[0]
    return replace(mined, notes=tuple(map(in_python, mined.notes)))


@step
def verify(
    dataset: Dataset,
    negatives: Iterable[N],
    *checks: str,
    llm: str | None = None,
    backbone: str | PathLike[str] = "minilm",
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> list[N]:
    """The negatives with what checks found: judge (needs `llm`), margin, cross-encoder.

    What earlier checks found is kept: two checks one after the other are both at once.

    Args:
        settings: those of [verify] (effect, agree, margin, cross_encoder, ...), and of the judge's
            calls (base_url, concurrency, max_cost, ...).

    Raises:
        UsageError: the judge has no language model, or a check is unknown.
    """
    need_dataset(dataset)
    need_local(backbone)
    need_text("backbone", str(backbone) if isinstance(backbone, PathLike) else backbone)
    calling = {key: settings.pop(key) for key in CallSettings.model_fields if key in settings}
    checked = {"checks": checks or ("judge",)}
    chosen = settings_from(VerifySettings, settings, leave_out=("checks", "sources"), **checked)
    if "judge" in chosen.checks and llm is None:
        raise UsageError(
            "The judge is a language model: say which one.", hint='verify(..., llm="ollama:llama3")'
        )
    calls = settings_from(CallSettings, calling, llm=llm)

    def ask(count: int, make: Any, classify: Classify) -> list[Asked]:
        model = open_llm(str(llm), base_url=calls.base_url, timeout=calls.timeout)
        told = progress or NoProgress()
        model.tell = told.warn
        judged = told.task("judge", count, "judgements")
        with answers(calls, work_dir) as cache, judged as advance:
            engine = engine_for(calls, model, cache, content_hash(["verify", dataset.name, llm])[:16])
            found = ask_each(engine, count, make, classify=classify, tick=ticking(advance))
        for failure in engine.stats.failed_for_good():
            told.warn(f"judge: {failure}")
        return found

    tools = Tools(
        dataset,
        chosen,
        make_encoder=lambda: Encoder.load(str(backbone), cache=embeddings(work_dir), progress=progress),
        prompt=lambda: load_prompt(chosen.prompt, Path.cwd(), kind=JUDGEMENT),
        ask=ask,
        progress=progress or NoProgress(),
    )
    every = listed(negatives)
    need_records(dataset, every)
    return _checked(every, tools)


def _checked(every: list[N], tools: Tools) -> list[N]:
    """All negatives, with what the checks and earlier ones say of those that can be used."""
    usable = [negative for negative in map(unverified, every) if negative.status == "ok"]
    earlier = {place_of(negative): known_of(negative) for negative in every}
    candidates = [candidate_of(negative, tools.dataset) for negative in usable]
    verdicts = verdicts_of(tools.settings.checks, lambda name: CHECKS[name](tools), candidates)
    found = settled_all(
        usable,
        verdicts,
        tools.settings.effect,
        all_agree=tools.settings.agree == "all",
        earlier=earlier,
    )
    return applied(every, found)

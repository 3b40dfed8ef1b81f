"""`syneg generate`: LLM-written hard negatives for every training pair."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from syneg_cli.cli.commands import calling
from syneg_cli.cli.commands.options import (
    DataDir,
    DatasetArgument,
    Force,
    Json,
    ProjectFile,
    Quiet,
    Session,
    ShowConfig,
    WorkDir,
    open_session,
)
from syneg_cli.cli.commands.stage import Plan, Result, perform
from syneg_cli.core.errors import BudgetExceeded, MissingArtifact

if TYPE_CHECKING:
    from syneg_cli.core.records import Pair
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.generation.negatives import Generator
    from syneg_cli.generation.prompt_files import Prompt
    from syneg_cli.llm.base import LLM
    from syneg_cli.llm.engine import Engine

ANSWER_SETTINGS = ("n", "temperature", "max_tokens", "seed", "structured", "corrections", "max_words")
"""The keys of [generate] that change answers; those of speed and money do not."""

FLAGS = (
    *ANSWER_SETTINGS,
    *("llm", "base_url", "prompt", "name", "limit", "shard", "concurrency", "rpm", "tpm"),
    *("timeout", "max_cost", "max_calls", "cache"),
)


def register(app: typer.Typer) -> None:
    app.command("generate")(generate)


def generate(
    dataset: DatasetArgument = None,
    llm: Annotated[
        str | None,
        typer.Option(help="PROVIDER:MODEL; providers: openai, ollama, hf, replay.", metavar="PROVIDER:MODEL"),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The server, for openai and ollama.", metavar="URL")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="A prompt's name, or a .txt file.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the result.", show_default="default")] = None,
    n: Annotated[int | None, typer.Option(help="Negatives per pair.", show_default="2")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many pairs.")] = None,
    shard: Annotated[
        str | None, typer.Option(help="Only part I of N, to spread over machines.", metavar="I/N")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="Calls at once, at most.", show_default="8")] = None,
    rpm: Annotated[int | None, typer.Option(help="Requests a minute, at most.")] = None,
    tpm: Annotated[int | None, typer.Option(help="Tokens a minute, at most.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one call.", show_default="120")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Sampling temperature.", show_default="the model's")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer.", show_default="4096")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of attributes and sampling.", show_default="0")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Never spend more than this.", metavar="USD")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Never send more calls than this.")] = None,
    cache: Annotated[str | None, typer.Option(help="The generation cache.", metavar="FILE")] = None,
    retry_bad: Annotated[
        bool, typer.Option("--retry-bad", help="Ask again for answers that could not be used.")
    ] = False,
    batch: Annotated[
        Literal["submit", "collect"] | None,
        typer.Option(help="OpenAI's Batch API: hand in now, fetch later, at half the price."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Calls, tokens and cost; nothing is sent.")
    ] = False,
    force: Force = False,
    project: ProjectFile = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    show_config: ShowConfig = False,
) -> None:
    """Let an LLM write hard negatives for every training pair.

    Every answer is stored as soon as it comes: stop and resume at any time, nothing is paid twice.
    """
    given = dict(locals())
    from syneg_cli.cli.commands import batching, mirroring
    from syneg_cli.generation.prompt_files import QUERY, load_prompt

    flags = {f"generate.{key}": given[key] for key in FLAGS if key in given}
    flags |= {"dataset.name": dataset, "dataset.data_dir": data_dir, "work_dir": work_dir}
    session = open_session(flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config)
    opened = session.dataset()
    prompt_file = load_prompt(session.project.generate.prompt, session.resolved.folder)
    if prompt_file.kind == QUERY:
        mirroring.run(session, opened, prompt_file)
        return
    if estimate:
        show_estimate(session, opened)
        return
    if batch is not None and not batching.run(session, opened, batch):
        return
    if retry_bad:
        result = run(session, opened, plan(session, opened), again=True)
    else:
        from syneg_cli.cli.commands import generate as this

        result = perform(this, session, opened, force=force)
    session.output.result(result.as_json(), *result.shown)


def plan(session: Session, dataset: Dataset) -> Plan:
    """What `generate` would write; opens no model and sends nothing."""
    from syneg_cli.core.files import content_hash, file_hash
    from syneg_cli.llm import split_spec

    section = session.project.generate
    spec = calling.llm_spec(session, "generate")
    provider, model = split_spec(spec)
    prompt = _prompt(session)
    inputs = {
        **dataset.inputs("train"),
        "prompt": content_hash(prompt.source),
        "relevance": content_hash(dataset.relevance),
        "attribute pools": content_hash({name: dataset.attributes[name] for name in prompt.attributes}),
    }
    if provider == "replay":
        recorded = calling.open_model(session, spec)
        inputs["recorded answers"] = recorded.identity()["model"]
        spec = f"replay:{Path(model).name}"
    if prompt.needs_candidates:
        inputs["mined candidates"] = file_hash(_candidate_file(session, dataset))
    settings = {
        "llm": spec,
        "endpoint": calling.endpoint(section.base_url, provider),
        "prompt": prompt.name,
        **{key: getattr(section, key) for key in ANSWER_SETTINGS},
        "limit": section.limit,
        "shard": section.shard,
        "unanswered": 0,
    }
    shard = f".shard-{section.shard.replace('/', '-of-')}" if section.shard else ""
    path = session.workspace(dataset).synthetic(f"{section.name}{shard}")
    return Plan("generate", path, inputs, settings)


def run(session: Session, dataset: Dataset, plan: Plan, *, again: bool = False) -> Result:
    """Ask for what the cache has not, and write the negatives.

    Raises:
        BudgetExceeded: at a cap; the negatives answered by then are written.
    """
    from syneg_cli.cli.commands.generated import finish
    from syneg_cli.core.files import write_jsonl
    from syneg_cli.generation.negatives import as_row, read_negatives

    started = time.monotonic()
    reason = plan.stale() or "asked for"
    pairs = pairs_of(session, dataset)
    with calling.open_cache(session) as cache:
        generator = generator_for(session, dataset)
        engine = calling.open_engine(session, generator.llm, cache, job=job_id(plan), again=again)
        keys, stopped = _fill(session, generator, pairs, engine)
        counts: Counter[str] = Counter()
        records = read_negatives(generator, pairs, keys, cache, counts=counts)
        write_jsonl(plan.path, map(as_row, records))
        totals = cache.totals(engine.job)
    result = finish(plan, engine, keys, counts, totals, time.monotonic() - started, reason)
    if stopped is None:
        return result
    raise BudgetExceeded(
        f"{stopped.message} The negatives of {engine.stats.done} of {len(pairs)} pairs are written.",
        hint="Raise the cap and run the same command again: nothing is paid twice.",
    )


def show_estimate(session: Session, dataset: Dataset) -> None:
    """Print calls, tokens and cost with their bounds; nothing is sent."""
    from syneg_cli.cli.display import estimate_rows
    from syneg_cli.cli.output import table
    from syneg_cli.generation.estimate import estimate

    generator = generator_for(session, dataset)
    with calling.open_cache(session) as cache:
        found = estimate(generator, pairs_of(session, dataset), cache, calling.price(session, generator.llm))
    basis = (
        f"Ratios from {found.earlier} earlier answers; 95 % intervals."
        if found.earlier
        else "No earlier answers of this model and prompt: rules of thumb, wide bounds."
    )
    shown = table(None, ["estimate", "expected", "low", "high"], estimate_rows(found))
    session.output.result(asdict(found), shown, basis)


def job_id(plan: Plan) -> str:
    """What totals and caps are counted for: the same result, however it is cut or resumed."""
    from syneg_cli.core.files import content_hash

    free = ("limit", "shard", "unanswered")
    settings = {key: value for key, value in plan.settings.items() if key not in free}
    return content_hash([str(plan.path.parent), dict(plan.inputs), settings])[:16]


def _prompt(session: Session) -> Prompt:
    from syneg_cli.generation.prompt_files import NEGATIVES, load_prompt

    return load_prompt(session.project.generate.prompt, session.resolved.folder, kind=NEGATIVES)


def pairs_of(session: Session, dataset: Dataset) -> list[Pair]:
    from syneg_cli.generation.negatives import select_pairs

    section = session.project.generate
    return select_pairs(dataset.pairs("train"), limit=section.limit, shard=section.shard)


def generator_for(session: Session, dataset: Dataset, llm: LLM | None = None) -> Generator:
    from syneg_cli.generation.negatives import Asking, Generator

    section = session.project.generate
    prompt = _prompt(session)
    return Generator(
        dataset,
        prompt,
        llm or calling.open_model(session, calling.llm_spec(session, "generate")),
        Asking(**{key: getattr(section, key) for key in ANSWER_SETTINGS}),
        _candidates(session, dataset) if prompt.needs_candidates else None,
    )


def _fill(
    session: Session, generator: Generator, pairs: Sequence[Pair], engine: Engine
) -> tuple[list[str | None], BudgetExceeded | None]:
    """The keys of the answers, and the cap that stopped the run if one did."""
    from syneg_cli.cli.display import watch
    from syneg_cli.generation.negatives import fill

    keys: list[str | None] = [None] * len(pairs)
    with watch(session.output, "generate", cap=engine.limits.max_cost) as tick:
        try:
            fill(generator, pairs, engine, keys, tick=tick)
        except BudgetExceeded as stopped:
            return keys, stopped
    return keys, None


def _candidate_file(session: Session, dataset: Dataset) -> Path:
    """The mined negatives that a rewriting prompt starts from: those of the first miner that ran."""
    from syneg_cli.cli.commands.mine import mined_path

    workspace = session.workspace(dataset)
    for miner in session.project.mine.miners:
        if (path := mined_path(workspace, miner)).is_file():
            return path
    raise MissingArtifact(
        f"{session.project.generate.prompt!r} rewrites mined negatives, and {dataset.name} has none.",
        hint=f"Run `syneg mine {dataset.name}` first.",
    )


def _candidates(session: Session, dataset: Dataset) -> dict[str, list[str]]:
    """Query id -> texts of its best-ranked mined negatives."""
    from syneg_cli.core.record_files import read_mined
    from syneg_cli.generation.negatives import shown

    found: dict[str, list[str]] = {}
    for mined in sorted(read_mined(_candidate_file(session, dataset)), key=lambda mined: mined.rank):
        texts = found.setdefault(mined.query_id, [])
        if mined.status == "ok" and len(texts) < session.project.generate.n:
            texts.append(shown(dataset.corpus[mined.doc_id]))
    return found

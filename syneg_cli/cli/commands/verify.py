"""`syneg verify`: which negatives are relevant after all, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from syneg_cli.cli.commands import calling
from syneg_cli.cli.commands.options import (
    DataDir,
    DatasetArgument,
    Json,
    ProjectFile,
    Quiet,
    Session,
    WorkDir,
    open_session,
)
from syneg_cli.core.errors import MissingArtifact, UsageError

if TYPE_CHECKING:
    from syneg_cli.core.records import MinedNegative, SyntheticNegative
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.verification.verify import Candidate, Check, Effect, Verdict

    Negatives = Sequence[SyntheticNegative | MinedNegative]

CHECKS = ("judge", "margin", "cross-encoder")
EXAMPLES = 3


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    dataset: DatasetArgument = None,
    check: Annotated[
        list[str] | None,
        typer.Option(help="judge, margin or cross-encoder; may be repeated.", show_default="judge"),
    ] = None,
    effect: Annotated[
        Literal["drop", "relabel", "mark"], typer.Option(help="What becomes of a negative that is relevant.")
    ] = "drop",
    agree: Annotated[
        Literal["any", "all"], typer.Option(help="Whether one check is enough, or all have to agree.")
    ] = "any",
    source: Annotated[
        list[str] | None,
        typer.Option(help="synthetic, or a miner; may be repeated.", show_default="all there are"),
    ] = None,
    margin: Annotated[float, typer.Option(help="How far below the positive a negative has to stay.")] = 0.05,
    cross_encoder: Annotated[
        str | None, typer.Option(help="A CrossEncoder: hub id or folder.", metavar="MODEL")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="The encoder of the margin check.", show_default="the one to train")
    ] = None,
    judge_prompt: Annotated[str, typer.Option(help="The judge's prompt.")] = "judge",
    llm: Annotated[
        str | None, typer.Option(help="The judge: PROVIDER:MODEL.", metavar="PROVIDER:MODEL")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The server, for openai and ollama.", metavar="URL")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(help="Calls at once, at most.", show_default="8")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Never spend more than this.", metavar="USD")] = None,
    max_calls: Annotated[int | None, typer.Option(help="Never send more calls than this.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the synthetic negatives.", show_default="default")
    ] = None,
    project: ProjectFile = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find false negatives among the synthetic and the mined ones.

    Their files are rewritten with scores, status and reason. Verifying again starts anew.
    """
    flags = {
        "generate.llm": llm,
        "generate.base_url": base_url,
        "generate.concurrency": concurrency,
        "generate.max_cost": max_cost,
        "generate.max_calls": max_calls,
        "generate.name": name,
        "mine.backbone": backbone,
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
    }
    session = open_session(flags, project=project, as_json=as_json, quiet=quiet)
    chosen = tuple(dict.fromkeys(check or ["judge"]))
    _check_options(chosen, cross_encoder)
    opened = session.dataset()
    files = negative_files(session, opened, source)
    kept = {path: _read(path, is_synthetic) for path, is_synthetic in files.items()}
    candidates, places = _candidates(opened, kept)
    verdicts = {
        each: _run_check(each, session, opened, candidates, margin, cross_encoder, judge_prompt)
        for each in chosen
    }
    changed = _apply(kept, places, verdicts, effect, agree == "all")
    for path, negatives in changed.items():
        _write(path, negatives, {"checks": chosen, "effect": effect, "agree": agree})
    _show(session, opened, candidates, verdicts, changed, places)


def _check_options(chosen: Sequence[str], cross_encoder: str | None) -> None:
    from syneg_cli.core.errors import did_you_mean

    for each in chosen:
        if each not in CHECKS:
            raise UsageError(
                f"--check: no check {each!r}.{did_you_mean(each, CHECKS)}",
                hint=f"There are: {', '.join(CHECKS)}.",
            )
    if "cross-encoder" in chosen and cross_encoder is None:
        raise UsageError(
            "--check cross-encoder needs a model.",
            hint="Add `--cross-encoder cross-encoder/ms-marco-MiniLM-L6-v2`.",
        )


def negative_files(session: Session, dataset: Dataset, sources: Sequence[str] | None) -> dict[Path, bool]:
    """The files of negatives, and whether they are synthetic.

    Raises:
        MissingArtifact: there are none of the sources asked for.
    """
    workspace = session.workspace(dataset)
    found: dict[Path, bool] = {}
    if (path := workspace.synthetic(session.project.generate.name)).is_file() and _wanted(
        "synthetic", sources
    ):
        found[path] = True
    for path in sorted(workspace.mined("x").parent.glob("*.jsonl")):
        if _wanted(path.stem, sources):
            found[path] = False
    if not found:
        what = " or ".join(sources) if sources else "negatives"
        raise MissingArtifact(
            f"There are no {what} for {dataset.name} to verify.",
            hint=f"Run `syneg generate {dataset.name}` or `syneg mine {dataset.name}` first.",
        )
    return found


def _wanted(source: str, sources: Sequence[str] | None) -> bool:
    return not sources or source in sources


def _read(path: Path, synthetic: bool) -> Negatives:
    from syneg_cli.core.record_files import read_mined, read_synthetic
    from syneg_cli.verification.verify import unverified

    if synthetic:
        return [unverified(negative) for negative in read_synthetic(path)]
    return [unverified(negative) for negative in read_mined(path)]


def _candidates(
    dataset: Dataset, kept: dict[Path, Negatives]
) -> tuple[list[Candidate], list[tuple[Path, int]]]:
    """What is to be checked (everything that was not dropped before), and where it stands."""
    from syneg_cli.verification.verify import candidate_of

    places = [(path, row) for path, rows in kept.items() for row, n in enumerate(rows) if n.status == "ok"]
    return [candidate_of(kept[path][row], dataset) for path, row in places], places


def _run_check(
    name: str,
    session: Session,
    dataset: Dataset,
    candidates: Sequence[Candidate],
    margin: float,
    cross_encoder: str | None,
    judge_prompt: str,
) -> list[Verdict | None]:
    from syneg_cli.verification import verify as checks

    if name == "judge":
        return _judge(session, dataset, candidates, judge_prompt)
    if name == "cross-encoder":
        check: Check = checks.cross_encoder(cast(str, cross_encoder), dataset)
        return check(candidates)
    from syneg_cli.encoding.encoder import Encoder

    section = session.project
    encoder = Encoder.load(
        section.mine.backbone or section.train.backbone,
        cache=session.workspace(dataset).embeddings,
        progress=session.output,
    )
    return checks.margin(encoder, dataset, margin=margin, progress=session.output)(candidates)


def _judge(
    session: Session, dataset: Dataset, candidates: Sequence[Candidate], prompt_name: str
) -> list[Verdict | None]:
    from syneg_cli.cli.display import watch
    from syneg_cli.core.files import content_hash
    from syneg_cli.generation.prompt_files import JUDGEMENT, load_prompt
    from syneg_cli.verification.verify import judge

    spec = calling.llm_spec(session, "verify")
    prompt = load_prompt(prompt_name, session.resolved.folder, kind=JUDGEMENT)
    llm = calling.open_model(session, spec)
    job = content_hash(["verify", dataset.name, spec, prompt.source, dataset.relevance])[:16]
    with calling.open_cache(session) as cache:
        engine = calling.open_engine(session, llm, cache, job=job)
        with watch(session.output, "judge", cap=engine.limits.max_cost, unit="judgements") as tick:
            found = judge(engine, prompt, dataset, seed=session.project.generate.seed, tick=tick)(candidates)
    session.output.note(f"judge: {engine.stats.from_cache} of {len(found)} judgements came from the cache")
    return found


def _apply(
    kept: dict[Path, Negatives],
    places: Sequence[tuple[Path, int]],
    verdicts: dict[str, list[Verdict | None]],
    effect: Effect,
    all_agree: bool,
) -> dict[Path, list[Any]]:
    from syneg_cli.verification.verify import judged

    changed: dict[Path, list[Any]] = {path: list(rows) for path, rows in kept.items()}
    for at, (path, row) in enumerate(places):
        own = {name: found[at] for name, found in verdicts.items()}
        changed[path][row] = judged(changed[path][row], own, effect, all_agree=all_agree)
    return changed


def _write(path: Path, negatives: Sequence[Any], how: dict[str, Any]) -> None:
    """The file anew, with its manifest: where it came from stays, and how it was verified is added."""
    from syneg_cli.core.artifacts import read_manifest, write_manifest
    from syneg_cli.core.files import write_jsonl

    manifest = read_manifest(path)
    write_jsonl(path, negatives)
    if manifest is not None:
        statuses = dict(Counter(negative.status for negative in negatives))
        write_manifest(
            path, replace(manifest, counts={**manifest.counts, "verified": {**how, "status": statuses}})
        )


def _show(
    session: Session,
    dataset: Dataset,
    candidates: Sequence[Candidate],
    verdicts: dict[str, list[Verdict | None]],
    changed: dict[Path, list[Any]],
    places: Sequence[tuple[Path, int]],
) -> None:
    from syneg_cli.cli.output import table
    from syneg_cli.verification.verify import PREFIX

    flagged = [at for at, (path, row) in enumerate(places) if changed[path][row].reason.startswith(PREFIX)]
    checked, false = Counter(c.source for c in candidates), Counter(candidates[at].source for at in flagged)
    rows = [(s, checked[s], false[s], f"{false[s] / checked[s]:.1%}") for s in sorted(checked)]
    no_opinion = {name: sum(v is None for v in found) for name, found in verdicts.items()}
    shown: list[Any] = [table(None, ["source", "checked", "false negatives", "share"], rows)]
    shown += [f"{count} without a usable verdict of {name}" for name, count in no_opinion.items() if count]
    examples = [_example(dataset, candidates[at], verdicts, at) for at in flagged[:EXAMPLES]]
    for example in examples:
        shown.append("\n".join(f"{key}: {value}" for key, value in example.items()))
    data = {
        "checked": dict(checked),
        "false_negatives": {source: false[source] for source in checked},
        "no_opinion": no_opinion,
        "examples": examples,
    }
    session.output.result(data, *shown)


def _example(
    dataset: Dataset, candidate: Candidate, verdicts: dict[str, list[Verdict | None]], at: int
) -> dict[str, str]:
    said = {name: found[at] for name, found in verdicts.items()}
    because = [
        f"{name} {verdict.score:+.3f} {verdict.evidence}".strip()
        for name, verdict in said.items()
        if verdict is not None and verdict.relevant
    ]
    return {
        "query": dataset.queries[candidate.query_id].text,
        candidate.source: " ".join(candidate.text.split())[:240],
        "because": "; ".join(because),
    }

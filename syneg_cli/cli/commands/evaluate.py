"""`syneg eval`: how good is a retriever, and is it better than its backbone?"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.core.records import Run
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.evaluation.evaluate import Evaluation
    from syneg_cli.evaluation.significance import Comparison


def register(app: typer.Typer) -> None:
    app.command("eval", help="Measure a model, a backbone or a TREC run on a data set.")(command)


def command(
    dataset: options.DatasetArgument = None,
    model: Annotated[
        str | None, typer.Option(help="A model folder, or the name of a model trained here.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="A backbone alias, folder or hub id; with --model, what to compare with."),
    ] = None,
    run_file: Annotated[
        Path | None, typer.Option("--run", help="A TREC run to measure instead of a model.", metavar="FILE")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which judgements.", show_default="test")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16.", show_default="auto")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Texts per batch.", show_default="32")] = None,
    project: options.ProjectFile = None,
    data_dir: options.DataDir = None,
    work_dir: options.WorkDir = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    force: options.Force = False,
    show_config: options.ShowConfig = False,
) -> None:
    flags = {
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
        "eval.split": split,
        "eval.precision": precision,
        "eval.batch_size": batch_size,
    }
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config
    )
    loaded = session.dataset()
    subject = _subject(session, loaded, model, backbone, run_file)
    evaluation = evaluate(session, loaded, subject, force=force)
    baseline = None
    if subject.baseline:
        other = _retriever(session, subject.baseline)
        baseline = evaluate(session, loaded, other, force=force)
    data, shown = present(evaluation, baseline)
    session.output.result(data, *shown)


@dataclass(frozen=True)
class Subject:
    """What is measured: a model (by name and location) or a TREC run."""

    name: str
    location: str
    is_run: bool = False
    baseline: str | None = None
    """The backbone to compare with."""


def _subject(
    session: Session, dataset: Dataset, model: str | None, backbone: str | None, run_file: Path | None
) -> Subject:
    from syneg_cli.cli.commands.train import model_name
    from syneg_cli.core.errors import UsageError

    if run_file is not None:
        if model:
            raise UsageError("--run and --model exclude each other.", hint="Give one of the two.")
        return Subject(run_file.stem, str(run_file), is_run=True, baseline=backbone)
    if model:
        return _trained(session, dataset, model, backbone)
    if backbone:
        return _retriever(session, backbone)
    own = session.workspace(dataset).model(model_name(session))
    if own.is_dir():
        session.output.note(f"eval: the model trained here ({own}); --backbone ALIAS measures a backbone")
        return _trained(session, dataset, str(own), None)
    return _retriever(session, session.project.train.backbone)


def _trained(session: Session, dataset: Dataset, model: str, backbone: str | None) -> Subject:
    from syneg_cli.core.artifacts import read_manifest

    here = session.workspace(dataset).model(model)
    folder = Path(model) if Path(model).is_dir() else here if here.is_dir() else None
    if folder is None:
        return Subject(_file_name(model), model, baseline=backbone)
    manifest = read_manifest(folder)
    recorded = manifest.settings.get("backbone") if manifest else None
    return Subject(folder.resolve().name, str(folder), baseline=backbone or recorded)


def _retriever(session: Session, backbone: str) -> Subject:
    return Subject(_file_name(backbone), backbone)


def _file_name(name: str) -> str:
    return Path(name).name if Path(name).is_dir() else name.replace("/", "--")


def evaluate(session: Session, dataset: Dataset, subject: Subject, *, force: bool = False) -> Evaluation:
    """Measure, or read what was measured before from the same weights and data."""
    from syneg_cli.core.artifacts import Manifest, write_manifest
    from syneg_cli.core.files import write_text
    from syneg_cli.evaluation.evaluate import Evaluation, score, trec_lines

    split = session.project.eval.split
    path = session.workspace(dataset).evaluation(f"{subject.name}-{split}")
    qrels = dataset.qrels(split)
    inputs, settings = _sources(session, dataset, subject)
    reason = "--force" if force else stage.Plan("eval", path, inputs, settings).stale()
    if reason is None:
        session.output.note(f"eval: {subject.name} was measured already ({path})")
        return Evaluation(**json.loads(path.read_text(encoding="utf-8")))
    started = time.monotonic()
    run, precision = _run(session, dataset, subject)
    if missing := sum(not run.get(query_id) for query_id in qrels):
        session.output.warn(f"{missing} of {len(qrels)} {split} queries have no result and score 0")
    scores = score(run, qrels)
    trec = path.with_suffix(".trec")
    write_text(trec, "\n".join(trec_lines(run, subject.name)) + "\n")
    evaluation = Evaluation(
        name=subject.name,
        model=subject.location,
        dataset=dataset.name,
        split=split,
        precision=precision,
        metrics=scores.metrics,
        per_query=scores.per_query,
        run=str(trec),
    )
    write_text(path, json.dumps(asdict(evaluation), ensure_ascii=False, indent=1) + "\n")
    counts = {"queries": len(qrels), **scores.metrics}
    write_manifest(path, Manifest("eval", inputs, settings, counts, time.monotonic() - started))
    _note_in_card(subject, evaluation)
    return evaluation


def _note_in_card(subject: Subject, evaluation: Evaluation) -> None:
    """Put the metrics into the card of a model that syneg trained; other folders are not touched."""
    from syneg_cli.core.artifacts import read_manifest
    from syneg_cli.core.files import write_text
    from syneg_cli.training.model_card import with_metrics

    folder = Path(subject.location)
    card = folder / "README.md"
    if subject.is_run or not card.is_file() or read_manifest(folder) is None:
        return
    text = card.read_text(encoding="utf-8")
    split = evaluation.split
    write_text(card, with_metrics(text, subject.name, evaluation.dataset, split, evaluation.metrics))


def _sources(session: Session, dataset: Dataset, subject: Subject) -> tuple[dict[str, str], dict[str, Any]]:
    from syneg_cli.core.errors import UsageError
    from syneg_cli.core.files import file_hash
    from syneg_cli.encoding.loading import weights_hash

    inputs = dataset.inputs(session.project.eval.split)
    if subject.is_run:
        if not Path(subject.location).is_file():
            raise UsageError(f"{subject.location} is not there.", hint="Give a TREC run file to --run.")
        return inputs | {"run": file_hash(Path(subject.location))}, {}
    settings = {"precision": session.project.eval.precision}
    return inputs | {"model": weights_hash(subject.location)}, settings


def _run(session: Session, dataset: Dataset, subject: Subject) -> tuple[Run, str]:
    from syneg_cli.evaluation.evaluate import read_trec, retrieve

    if subject.is_run:
        return read_trec(Path(subject.location)), "-"
    from syneg_cli.encoding.encoder import Encoder

    section = session.project.eval
    encoder = Encoder.load(
        subject.location,
        precision=section.precision,
        cache=session.workspace(dataset).embeddings,
        batch_size=section.batch_size,
    )
    return retrieve(dataset, section.split, encoder, progress=session.output), encoder.precision


def present(evaluation: Evaluation, baseline: Evaluation | None) -> tuple[dict[str, Any], list[Any]]:
    """The result as one object, and as tables."""
    from syneg_cli.cli.output import table
    from syneg_cli.evaluation.evaluate import MAIN_METRIC, METRICS, compare_metrics
    from syneg_cli.evaluation.significance import verdict

    data: dict[str, Any] = {
        "name": evaluation.name,
        "model": evaluation.model,
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "precision": evaluation.precision,
        "queries": len(next(iter(evaluation.per_query.values()))),
        "metrics": dict(evaluation.metrics),
        "run": evaluation.run,
    }
    title = f"{evaluation.dataset}, {evaluation.split} ({data['queries']} queries)"
    rows = [[e.name, *(e.metrics[m] for m in METRICS)] for e in (baseline, evaluation) if e]
    shown: list[Any] = [table(title, ["", *METRICS], rows)]
    if baseline:
        comparisons = compare_metrics(evaluation, baseline)
        data["baseline"] = {"name": baseline.name, "metrics": dict(baseline.metrics)}
        data["comparison"] = {metric: asdict(c) for metric, c in comparisons.items()}
        shown += [
            _comparison_table(evaluation, baseline, comparisons),
            verdict("nDCG@10", comparisons[MAIN_METRIC]),
        ]
    return data, shown


def _comparison_table(
    evaluation: Evaluation, baseline: Evaluation, comparisons: Mapping[str, Comparison]
) -> Any:
    from syneg_cli.cli.output import table
    from syneg_cli.evaluation.significance import p_value

    rows = [
        [
            metric,
            f"{c.difference:+.4f}",
            f"[{c.low:+.4f}, {c.high:+.4f}]",
            p_value(c.p_randomisation).removeprefix("= "),
            p_value(c.p_t).removeprefix("= "),
            f"{c.wins}/{c.ties}/{c.losses}",
        ]
        for metric, c in comparisons.items()
    ]
    columns = ["metric", "difference", "95 % interval", "p (randomisation)", "p (t)", "win/tie/loss"]
    return table(f"{evaluation.name} against {baseline.name}", columns, rows)


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    """For `syneg run`: measure the model that was trained here."""
    from syneg_cli.cli.commands.train import model_name
    from syneg_cli.core.errors import MissingArtifact

    folder = session.workspace(dataset).model(model_name(session))
    if not folder.is_dir():
        raise MissingArtifact(f"No trained model for {dataset.name} ({folder}).", hint=session.again("train"))
    subject = _trained(session, dataset, str(folder), None)
    path = session.workspace(dataset).evaluation(f"{subject.name}-{session.project.eval.split}")
    inputs, settings = _sources(session, dataset, subject)
    return stage.Plan("eval", path, inputs, settings)


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    from syneg_cli.cli.commands.train import model_name

    folder = session.workspace(dataset).model(model_name(session))
    subject = _trained(session, dataset, str(folder), None)
    evaluation = evaluate(session, dataset, subject)
    baseline = None
    if subject.baseline:
        baseline = evaluate(session, dataset, _retriever(session, subject.baseline))
    data, shown = present(evaluation, baseline)
    return stage.Result("eval", plan.path, "done", data=data, shown=tuple(shown))

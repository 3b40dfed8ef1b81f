"""`syneg mix`: synthetic and mined negatives -> training instances."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.commands import options, stage
from syneg_cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.artifacts import Workspace
    from syneg_cli.dataset import Dataset
    from syneg_cli.mix import Mixed
    from syneg_cli.records import SyntheticNegative, TrainingInstance


def register(app: typer.Typer) -> None:
    app.command("mix", help="Mix synthetic and mined negatives into training instances.")(command)


def command(
    dataset: options.DatasetArgument = None,
    strategy: Annotated[
        str | None, typer.Option(help="hybrid, direct, synthetic or retrieved.", show_default="hybrid")
    ] = None,
    ratio: Annotated[
        float | None, typer.Option(help="Synthetic : retrieved, in expectation.", show_default="0.7")
    ] = None,
    negatives: Annotated[
        int | None, typer.Option("--negatives", "-k", help="Negatives per instance.", show_default="3")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(help="Draws per instance, one an epoch.", show_default="8")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the draws.", show_default="0")] = None,
    miner: Annotated[
        list[str] | None,
        typer.Option(help="Whose mined negatives; may be repeated.", show_default="the project's miners"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the result.", show_default="the strategy")] = None,
    preview: Annotated[int, typer.Option(help="Show N instances as a person reads them.")] = 0,
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
        "mix.strategy": strategy,
        "mix.ratio": ratio,
        "mix.negatives": negatives,
        "mix.rounds": rounds,
        "mix.seed": seed,
        "mix.name": name,
        "mine.miners": miner,
    }
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config
    )
    loaded = session.dataset()
    result = stage.perform(cast("stage.Stage", sys.modules[__name__]), session, loaded, force=force)
    shown = [*result.shown]
    if preview:
        shown += _preview(session, loaded, preview)
    session.output.result(result.as_json(), *shown)


def mixed_name(session: Session) -> str:
    section = session.project.mix
    return section.name or section.strategy


def sources(session: Session, workspace: Workspace) -> dict[str, Path]:
    """Role -> file that the strategy reads: "synthetic", and "<miner> negatives"."""
    from syneg_cli.commands.mine import mined_path
    from syneg_cli.mix import READS, check_strategy

    reads_synthetic, reads_retrieved = READS[check_strategy(session.project.mix.strategy)]
    files: dict[str, Path] = {}
    if reads_synthetic:
        files["synthetic"] = workspace.synthetic(session.project.generate.name)
    if reads_retrieved:
        files |= {f"{miner} negatives": mined_path(workspace, miner) for miner in session.project.mine.miners}
    return files


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    from syneg_cli.artifacts import file_hash
    from syneg_cli.errors import MissingArtifact

    workspace = session.workspace(dataset)
    section = session.project.mix
    files = sources(session, workspace)
    for role, file in files.items():
        if not file.is_file():
            command = "generate" if role == "synthetic" else f"mine --miner {role.removesuffix(' negatives')}"
            raise MissingArtifact(
                f"No {role} for {dataset.name} ({file}).", hint=f"Run `syneg {command} {dataset.name}`."
            )
    return stage.Plan(
        stage="mix",
        path=workspace.mixed(mixed_name(session)),
        inputs=dataset.inputs("train") | {role: file_hash(file) for role, file in files.items()},
        settings={
            "strategy": section.strategy,
            "ratio": section.ratio,
            "negatives": section.negatives,
            "rounds": section.rounds,
            "seed": section.seed,
        },
    )


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    from syneg_cli.artifacts import (
        Manifest,
        read_mined,
        read_synthetic,
        write_instances,
        write_manifest,
    )
    from syneg_cli.mix import build_pools, mix

    started = time.monotonic()
    files = sources(session, session.workspace(dataset))
    synthetic = read_synthetic(files["synthetic"]) if "synthetic" in files else []
    mined = [row for role, file in files.items() if role != "synthetic" for row in read_mined(file)]
    section = session.project.mix
    pools = build_pools(dataset.pairs("train"), synthetic, mined, dataset.excluded)
    mixed = mix(
        pools,
        strategy=section.strategy,
        k=section.negatives,
        ratio=section.ratio,
        rounds=section.rounds,
        seed=section.seed,
    )
    counts = summary(mixed)
    write_instances(plan.path, mixed.instances)
    write_manifest(
        plan.path,
        Manifest(
            stage="mix",
            inputs=plan.inputs,
            settings=plan.settings,
            counts=counts,
            seconds=time.monotonic() - started,
            paths={role: str(file) for role, file in files.items()},
        ),
    )
    return stage.Result("mix", plan.path, "done", data=counts, shown=tuple(_tables(mixed, plan)))


def summary(mixed: Mixed) -> dict[str, Any]:
    draws = sum(mixed.composition.values())
    return {
        "instances": len(mixed.instances),
        "without_negatives": mixed.empty,
        "negatives_per_instance": {source: n / draws for source, n in sorted(mixed.sources.items())},
        "composition": dict(sorted(mixed.composition.items())),
    }


def _tables(mixed: Mixed, plan: stage.Plan) -> list[Any]:
    from syneg_cli.output import table

    draws = sum(mixed.composition.values())
    by_size = sorted(mixed.composition.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, count, f"{count / draws:.1%}") for name, count in by_size]
    means = ", ".join(f"{n / draws:.3f} {source}" for source, n in sorted(mixed.sources.items()))
    line = f"{len(mixed.instances)} pairs x {plan.settings['rounds']} rounds; "
    line += f"mean per instance: {means or 'none'}"
    if mixed.empty:
        line += f"; {mixed.empty} pairs have no negative and train on in-batch ones"
    title = f"mix: {plan.settings['strategy']}"
    if plan.settings["strategy"] in ("hybrid", "direct"):
        title += f", ratio {plan.settings['ratio']}"
    columns = ["an instance got", "instances", "share"]
    shown = table(title, columns, rows, right=lambda column: column != columns[0])
    return [shown, line]


def _preview(session: Session, dataset: Dataset, count: int) -> list[Any]:
    from syneg_cli.artifacts import read_instances, read_synthetic

    workspace = session.workspace(dataset)
    files = sources(session, workspace)
    written = {n.id: n for n in read_synthetic(files["synthetic"])} if "synthetic" in files else {}
    instances = read_instances(workspace.mixed(mixed_name(session)))[:count]
    return [_as_read(instance, dataset, written) for instance in instances]


def _as_read(instance: TrainingInstance, dataset: Dataset, written: dict[str, SyntheticNegative]) -> Any:
    from rich.markup import escape
    from rich.panel import Panel

    lines = [f"[bold]query[/]     {escape(dataset.queries[instance.query_id].text)}"]
    lines.append(f"[green]positive[/]  {escape(_short(dataset.corpus[instance.positive_id].full_text))}")
    for ref in instance.rounds[0]:
        text = written[ref.id].full_text if ref.source == "synthetic" else dataset.corpus[ref.id].full_text
        lines.append(f"[red]{escape(ref.source):9}[/] {escape(_short(text))}")
    return Panel("\n".join(lines), title=escape(f"{instance.query_id} / {instance.positive_id}"))


def _short(text: str, length: int = 280) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"

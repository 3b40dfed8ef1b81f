"""`syneg mix`: synthetic and mined negatives -> training instances."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.core.artifacts import Workspace
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.mixing.mix import Mixed
    from syneg_cli.mixing.readers import Imported

ROUNDS = 8


def register(app: typer.Typer) -> None:
    app.command("mix", help="Mix synthetic and mined negatives into training instances.")(command)


def command(
    dataset: options.DatasetArgument = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="hybrid, direct, synthetic, retrieved, graded or mirror.", show_default="hybrid"),
    ] = None,
    ratio: Annotated[
        float | None, typer.Option(help="Synthetic : retrieved, in expectation.", show_default="0.7")
    ] = None,
    negatives: Annotated[
        int | None, typer.Option("--negatives", "-k", help="Negatives per instance.", show_default="3")
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(help="Draws per instance, one an epoch.", show_default="8; graded: the epochs"),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Shares of miners or prompts: bm25=0.5,dense=1. 0 leaves one out.")
    ] = None,
    max_synthetic: Annotated[int | None, typer.Option(help="Synthetic texts per instance at most.")] = None,
    max_risk: Annotated[
        float | None, typer.Option(help="Share of verify's checks that may call a negative relevant.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(help="Queries of the synthetic negatives' own, for `mirror`.", metavar="FILE"),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--from", help="Pairs and negatives you have, instead of mined ones.", metavar="FILE"),
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
        "mix.weights": weights,
        "mix.max_synthetic": max_synthetic,
        "mix.max_risk": max_risk,
        "mix.mirror": mirror,
        "mix.file": file,
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
    if preview > 0:
        from syneg_cli.cli.commands.preview import panels

        shown += panels(result.path, loaded, preview)
    session.output.result(result.as_json(), *shown)


def mixed_name(session: Session) -> str:
    section = session.project.mix
    return section.name or section.strategy


@dataclass(frozen=True)
class Source:
    """A file that the mix reads, and the command that makes it where it is missing."""

    path: Path
    hint: str


def sources(session: Session, workspace: Workspace) -> dict[str, Source]:
    """Role -> file: "synthetic", "mirror", "imported", and "<miner> negatives"."""
    from syneg_cli.cli.commands.mine import mined_path
    from syneg_cli.mixing.strategies import check_strategy

    section = session.project.mix
    strategy = check_strategy(section.strategy)
    reads_synthetic, reads_retrieved = strategy.reads(section.negatives)
    files: dict[str, Source] = {}
    if reads_synthetic:
        path = workspace.synthetic(session.project.generate.name)
        files["synthetic"] = Source(path, session.again("generate"))
    if strategy.mirrors and section.mirror:
        files["mirror"] = Source(_given(session, section.mirror), "Name another file with --mirror.")
    if section.file:
        files["imported"] = Source(_given(session, section.file), "Name another file with --from.")
    elif reads_retrieved:
        for miner in session.project.mine.miners:
            hint = session.again("mine", "--miner", miner)
            files[f"{miner} negatives"] = Source(mined_path(workspace, miner), hint)
    return files


def _given(session: Session, value: str) -> Path:
    """A path from the current folder, or from the project file's."""
    here = Path(value).expanduser()
    return here.resolve() if here.is_file() else session.resolved.path(value)


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    from syneg_cli.core.errors import MissingArtifact
    from syneg_cli.core.files import file_hash

    workspace = session.workspace(dataset)
    files = sources(session, workspace)
    for role, source in files.items():
        if not source.path.is_file():
            raise MissingArtifact(f"No {role} for {dataset.name} ({source.path}).", hint=source.hint)
    section = session.project.mix
    return stage.Plan(
        stage="mix",
        path=workspace.mixed(mixed_name(session)),
        inputs=dataset.inputs("train") | {role: file_hash(source.path) for role, source in files.items()},
        settings={
            **section.model_dump(exclude={"name", "mirror", "file", "rounds"}),
            "rounds": _rounds(session),
        },
    )


def _rounds(session: Session) -> int:
    """As the project says; else one for each epoch where the strategy goes by epochs."""
    from syneg_cli.mixing.strategies import check_strategy

    by_epoch = check_strategy(session.project.mix.strategy).by_epoch
    return session.project.mix.rounds or (session.project.train.epochs if by_epoch else ROUNDS)


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    from syneg_cli.cli.commands.preview import tables
    from syneg_cli.core.artifacts import Manifest, write_manifest
    from syneg_cli.core.record_files import write_instances

    started = time.monotonic()
    files = {role: source.path for role, source in sources(session, session.workspace(dataset)).items()}
    mixed, imported = _mix(session, dataset, files)
    counts = summary(mixed)
    if imported is not None:
        counts |= {"held_out": imported.held_out, "contradicted": imported.contradicted}
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
    return stage.Result("mix", plan.path, "done", data=counts, shown=tables(mixed, plan.settings, imported))


def _mix(session: Session, dataset: Dataset, files: dict[str, Path]) -> tuple[Mixed, Imported | None]:
    from syneg_cli.core.record_files import read_mined, read_synthetic
    from syneg_cli.core.records import Pair
    from syneg_cli.mixing.mirror import own_queries, read_mirror
    from syneg_cli.mixing.mix import Rules, build_pools, mix, relabelled
    from syneg_cli.mixing.readers import read_rows, resolve

    section = session.project.mix
    synthetic = read_synthetic(files["synthetic"]) if "synthetic" in files else []
    imported = resolve(read_rows(files["imported"]), dataset) if "imported" in files else None
    mined = [row for role, file in files.items() if role.endswith(" negatives") for row in read_mined(file)]
    weights = section.weights or {}
    turned = dict.fromkeys(relabelled(mined))
    pools = build_pools(
        imported.pairs if imported else dict.fromkeys([*dataset.pairs("train"), *turned]),
        synthetic,
        imported.negatives if imported else [n for n in mined if Pair(n.query_id, n.doc_id) not in turned],
        dataset.excluded,
        rules=Rules(weights, section.max_risk),
        own_queries=own_queries(synthetic, read_mirror(files["mirror"]) if "mirror" in files else ()),
    )
    mixed = mix(
        pools,
        strategy=section.strategy,
        k=section.negatives,
        ratio=section.ratio,
        rounds=_rounds(session),
        seed=section.seed,
        weights=weights,
        max_synthetic=section.max_synthetic,
        texts=imported.documents if imported else (),
    )
    return mixed, imported


def summary(mixed: Mixed) -> dict[str, Any]:
    """Counts for the manifest: judged pairs, mirrored pairs, and means per pair and round."""
    draws = sum(mixed.composition.values())
    return {
        "instances": len(mixed.instances) - mixed.mirrored,
        "mirrored": mixed.mirrored,
        "without_negatives": mixed.empty,
        "negatives_per_instance": {source: n / draws for source, n in sorted(mixed.sources.items())},
        "composition": dict(sorted(mixed.composition.items())),
    }

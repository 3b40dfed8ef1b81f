"""`syneg mine`: retrieved negatives, one file for each miner."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.core.artifacts import Workspace
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.mining import MinedNegatives, Selection, Setup


def register(app: typer.Typer) -> None:
    app.command("mine", help="Mine negatives from the corpus: random, BM25, dense and more.")(command)


def command(
    dataset: options.DatasetArgument = None,
    miner: Annotated[
        list[str] | None,
        typer.Option(
            help="random, bm25, dense, simans[:MINER], run:FILE or fusion[:MINER+MINER]; may be repeated.",
            show_default="dense",
        ),
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Negatives per query.", show_default="30")] = None,
    pool: Annotated[
        int | None, typer.Option(help="Ranks that filters and draws choose from.", show_default="300")
    ] = None,
    skip: Annotated[int | None, typer.Option(help="First ranks left out.", show_default="0")] = None,
    min_score: Annotated[float | None, typer.Option(help="Lowest score.", show_default="none")] = None,
    max_score: Annotated[float | None, typer.Option(help="Highest score.", show_default="none")] = None,
    margin: Annotated[
        str | None, typer.Option(help="Stay this far below the positive's score, or `auto`.")
    ] = None,
    percentage: Annotated[
        str | None,
        typer.Option(help="Stay below this share of the positive's score, or `off`.", show_default="off"),
    ] = None,
    near_copies: Annotated[
        str | None,
        typer.Option(help="Word overlap that makes a positive's copy, or `off`.", show_default="0.9"),
    ] = None,
    draw: Annotated[
        str | None, typer.Option(help="top or sample, of what the filters leave.", show_default="top")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="The encoder: an alias, a folder or a hub id.", show_default="the one to train"),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens per text.", show_default="the model's own")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto (bf16 where the processor has it), fp32, bf16.")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="torch, onnx or openvino.")] = None,
    trust_remote_code: Annotated[
        bool | None, typer.Option("--trust-remote-code", help="Run code that comes with the model.")
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="A FAISS factory string (HNSW32, IVF1024,Flat).", show_default="Flat")
    ] = None,
    index_options: Annotated[
        str | None, typer.Option(help="Search parameters of the index (nprobe=32).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all draws.", show_default="0")] = None,
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
        "mine.miners": miner,
        "mine.depth": depth,
        "mine.pool": pool,
        "mine.skip": skip,
        "mine.min_score": min_score,
        "mine.max_score": max_score,
        "mine.margin": margin,
        "mine.percentage": percentage,
        "mine.near_copies": near_copies,
        "mine.draw": draw,
        "mine.backbone": backbone,
        "mine.max_length": max_length,
        "mine.precision": precision,
        "mine.backend": backend,
        "mine.trust_remote_code": trust_remote_code,
        "mine.index": index,
        "mine.index_options": index_options,
        "mine.seed": seed,
    }
    from syneg_cli.core.processes import leave, world

    leads = world().leads
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet or not leads, show_config=show_config
    )
    loaded = session.dataset()
    todo = [(one, "--force" if force else one.stale()) for one in plans(session, loaded)]
    for one, reason in todo:
        session.output.note(f"{one.stage} {one.settings['miner']}: {reason or 'up to date, nothing to do'}")
    made = _mine(session, loaded, [one for one, reason in todo if reason])
    results = [
        made.get(one.path) or stage.Result("mine", one.path, "up to date", skipped=True) for one, _ in todo
    ]
    shown = [item for result in results for item in result.shown]
    if leads:
        session.output.result({"stage": "mine", "miners": [result.as_json() for result in results]}, *shown)
    leave()


def mined_path(workspace: Workspace, miner: str) -> Path:
    """Where a miner's negatives rest; `run:a/b.trec` becomes `run-a-b.trec`."""
    return workspace.mined(re.sub(r"[^\w.+-]+", "-", miner).strip("-"))


def plans(session: Session, dataset: Dataset) -> list[stage.Plan]:
    """One plan for each miner of the project.

    Raises:
        UsageError: a miner is not known.
        BackboneError: a miner needs a backbone that is nowhere.
    """
    from syneg_cli.mining import check_miner

    names = list(dict.fromkeys(session.project.mine.miners))
    return [_plan(session, dataset, check_miner(name)) for name in names]


def _plan(session: Session, dataset: Dataset, miner: str) -> stage.Plan:
    from syneg_cli.core.files import file_hash
    from syneg_cli.encoding.loading import weights_hash
    from syneg_cli.mining import run_files, uses_encoder

    section = session.project.mine
    inputs = dataset.inputs("train")
    settings: dict[str, Any] = {"miner": miner, "seed": section.seed}
    settings |= vars(selection_of(session))
    for file in run_files(miner):
        inputs[f"run {file}"] = file_hash(Path(file)) if Path(file).is_file() else "missing"
    if uses_encoder(miner):
        backbone = _backbone(session)
        inputs["backbone weights"] = weights_hash(backbone)
        settings |= {"backbone": backbone}
        settings |= section.model_dump(
            include={"max_length", "precision", "backend", "index", "index_options"}
        )
    if miner.startswith("simans"):
        settings |= section.model_dump(include={"simans_a", "simans_b", "temperature"})
    return stage.Plan("mine", mined_path(session.workspace(dataset), miner), inputs, settings)


def _backbone(session: Session) -> str:
    return session.project.mine.backbone or session.project.train.backbone


def selection_of(session: Session) -> Selection:
    """The project's filters."""
    from syneg_cli.mining import Selection

    section = session.project.mine
    return Selection(
        depth=section.depth,
        pool=max(section.pool, section.depth),
        skip=section.skip,
        min_score=section.min_score,
        max_score=section.max_score,
        margin=section.margin,
        percentage=None if section.percentage == "off" else section.percentage,
        near_copies=None if section.near_copies == "off" else section.near_copies,
        draw=section.draw,
    )


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    """The first miner's plan that is not up to date; the first of all if every one is."""
    every = plans(session, dataset)
    return next((one for one in every if one.stale()), every[0])


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    """Mine with every miner that is not up to date; with all of them if none is stale."""
    every = plans(session, dataset)
    made = list(_mine(session, dataset, [one for one in every if one.stale()] or every).values())
    data = {"miners": [result.as_json() for result in made]}
    return stage.Result(
        "mine", plan.path, "done", data=data, shown=tuple(item for result in made for item in result.shown)
    )


def _mine(session: Session, dataset: Dataset, todo: list[stage.Plan]) -> dict[Path, stage.Result]:
    from syneg_cli.core.processes import world
    from syneg_cli.mining import mine_negatives

    setup = _setup(session, dataset)
    made: dict[Path, stage.Result] = {}
    for one in todo:
        started = time.monotonic()
        miner = one.settings["miner"]
        mined = mine_negatives(dataset, [miner], setup=setup, selection=selection_of(session))[0]
        if world().leads:
            made[one.path] = _write(session, dataset, one, mined, time.monotonic() - started)
    return made


def _setup(session: Session, dataset: Dataset) -> Setup:
    from syneg_cli.mining import Setup

    section = session.project.mine

    def make_encoder() -> Encoder:
        from syneg_cli.encoding.encoder import Encoder

        return Encoder.load(
            _backbone(session),
            precision=section.precision,
            max_length=section.max_length,
            cache=session.workspace(dataset).embeddings,
            batch_size=section.batch_size,
            trust_remote_code=section.trust_remote_code,
            backend=section.backend,
            progress=session.output,
        )

    return Setup(
        dataset,
        make_encoder,
        seed=section.seed,
        index=section.index,
        index_options=section.index_options,
        simans_a=section.simans_a,
        simans_b=section.simans_b,
        temperature=section.temperature,
        progress=session.output,
    )


def _write(
    session: Session, dataset: Dataset, one: stage.Plan, mined: MinedNegatives, seconds: float
) -> stage.Result:
    from syneg_cli.cli.commands.mined_tables import mined_tables
    from syneg_cli.core.artifacts import Manifest, write_manifest
    from syneg_cli.core.files import write_jsonl

    # A hub model that was fetched just now has a hash of its own only after that.
    inputs = _plan(session, dataset, mined.miner).inputs
    counts = mined.tally.as_json() | {"notes": list(mined.notes)}
    write_jsonl(one.path, mined.negatives)
    write_manifest(one.path, Manifest("mine", inputs, one.settings, counts, seconds))
    shown = mined_tables(dataset, mined, one)
    return stage.Result("mine", one.path, "done", data={"miner": mined.miner, **counts}, shown=shown)

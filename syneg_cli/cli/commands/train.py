"""`syneg train`: training instances + a backbone -> a sentence-transformers model folder."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.helpers import check_adore, make_helpers
from syneg_cli.cli.commands.mix import mixed_name
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.core.artifacts import Manifest
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.training.settings import TrainSettings
    from syneg_cli.training.train import TrainResult


OTHERS = {
    "guide", "guide_margin", "cross_encoder", "dev", "dev_pool", "refresh", "refresh_depth", "refresh_steps"
}  # fmt: skip
"""Settings beside TrainSettings that change the weights."""


def register(app: typer.Typer) -> None:
    app.command("train", help="Fine-tune a backbone on the mixed training instances.")(command)


def command(
    dataset: options.DatasetArgument = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="An alias (bge-base), a local folder or a hub id.", show_default="minilm"),
    ] = None,
    mixed: Annotated[
        str | None, typer.Option(help="Which mix to train on, by name.", show_default="the strategy")
    ] = None,
    epochs: Annotated[int | None, typer.Option(show_default="2")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pairs a step; mirrored ones come on top.", show_default="16")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="5e-5")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="InfoNCE's.", show_default="0.05 for cosine, 1 for dot product")
    ] = None,
    in_batch: Annotated[
        bool | None,
        typer.Option(
            "--in-batch/--no-in-batch", help="Other pairs' documents as negatives.", show_default="on"
        ),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Dropout rate.", show_default="0 on a CPU, else the model's own")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto (bf16 where the processor has it), fp32, bf16.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens per text.", show_default="the model's own")
    ] = None,
    chunk: Annotated[
        int | None, typer.Option(help="GradCache: any batch size in the memory of N texts.", metavar="N")
    ] = None,
    balance: Annotated[
        float | None, typer.Option(help="Weight of CausalNeg's regulariser.", show_default="0")
    ] = None,
    guide: Annotated[
        str | None, typer.Option(help="A guide encoder that masks likely positives (GISTEmbed).")
    ] = None,
    cross_encoder: Annotated[
        str | None, typer.Option(help="A cross-encoder that teaches by its scores.")
    ] = None,
    matryoshka: Annotated[
        list[int] | None, typer.Option(help="A dimension that shall be good alone; may be repeated.")
    ] = None,
    refresh: Annotated[
        str | None,
        typer.Option(
            help="ance: mine again with the current weights. adore: train the query side alone, against "
            "what it retrieves.",
            show_default="none",
        ),
    ] = None,
    freeze: Annotated[int | None, typer.Option(help="First layers left alone.", show_default="0")] = None,
    lora: Annotated[int | None, typer.Option(help="Rank of low-rank updates.", show_default="0: off")] = None,
    merge: Annotated[
        float | None, typer.Option(help="Share of the fine-tuned weights.", show_default="1")
    ] = None,
    share_negatives: Annotated[
        bool | None,
        typer.Option(
            "--share-negatives/--own-negatives",
            help="With torchrun: in-batch negatives of all processes.",
            show_default="own",
        ),
    ] = None,
    dev: Annotated[
        bool | None,
        typer.Option("--dev/--no-dev", help="Keep the epoch that is best on dev.", show_default="off"),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after N epochs without a better dev score.", metavar="N")
    ] = None,
    save_steps: Annotated[
        int | None, typer.Option(help="A checkpoint every N steps.", show_default="100", metavar="N")
    ] = None,
    report_to: Annotated[
        str | None, typer.Option(help="tensorboard, wandb or trackio.", show_default="none")
    ] = None,
    seed: Annotated[int | None, typer.Option(show_default="0")] = None,
    output: Annotated[
        str | None, typer.Option(help="Name of the model.", show_default="<backbone>-<mix>")
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(help="Upload the model to the Hugging Face hub, with HF_TOKEN.", metavar="OWNER/NAME"),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private/--public", help="Who may see what --push-to-hub uploads.")
    ] = True,
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
        "mix.name": mixed,
        "train.backbone": backbone,
        "train.epochs": epochs,
        "train.batch_size": batch_size,
        "train.lr": lr,
        "train.temperature": temperature,
        "train.in_batch": in_batch,
        "train.dropout": dropout,
        "train.precision": precision,
        "train.max_length": max_length,
        "train.chunk": chunk,
        "train.balance": balance,
        "train.guide": guide,
        "train.cross_encoder": cross_encoder,
        "train.matryoshka": matryoshka,
        "train.refresh": refresh,
        "train.freeze": freeze,
        "train.lora": lora,
        "train.merge": merge,
        "train.share_negatives": share_negatives,
        "train.dev": dev,
        "train.patience": patience,
        "train.save_steps": save_steps,
        "train.report_to": report_to,
        "train.seed": seed,
        "train.output": output,
    }
    from syneg_cli.core.processes import leave, world
    from syneg_cli.encoding import push

    leads = world().leads
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet or not leads, show_config=show_config
    )
    this = cast("stage.Stage", sys.modules[__name__])
    push_to = push_to_hub if leads else None
    if push_to is not None:
        push.check_push(push_to, private=private, progress=session.output)
    result = stage.perform(this, session, session.dataset(), force=force)
    try:
        if push_to is not None:
            url = push.push(result.path, push_to, private=private, progress=session.output)
            result = replace(result, data={**result.data, "url": url}, shown=(*result.shown, url))
    finally:  # what was trained is shown also where the hub does not take it
        if leads:
            session.output.result(result.as_json(), *result.shown)
    leave()


def model_name(session: Session) -> str:
    section = session.project.train
    backbone = section.backbone.rstrip("/")
    short = Path(backbone).name if Path(backbone).is_dir() else backbone.replace("/", "--")
    return section.output or f"{short}-{mixed_name(session)}"


def settings_of(session: Session) -> TrainSettings:
    from syneg_cli.training.settings import TrainSettings

    section = session.project.train
    shared = {
        key: value for key, value in section.model_dump().items() if key in TrainSettings.__annotations__
    }
    return TrainSettings(**shared | {"distil": section.distil if section.cross_encoder else 0.0})


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    from syneg_cli.core.files import file_hash
    from syneg_cli.encoding.loading import weights_hash

    section = session.project.train
    check_adore(section)
    mixed, manifest = _mixed(session, dataset)
    return stage.Plan(
        stage="train",
        path=session.workspace(dataset).model(model_name(session)),
        inputs=dict(manifest.inputs)
        | {"training instances": file_hash(mixed), "backbone weights": weights_hash(section.backbone)},
        settings={
            "backbone": section.backbone,
            "mix": mixed_name(session),
            "max_length": section.max_length,
            **asdict(settings_of(session)),
            **section.model_dump(include=OTHERS),
        },
    )


def _mixed(session: Session, dataset: Dataset) -> tuple[Path, Manifest]:
    from syneg_cli.core.artifacts import read_manifest
    from syneg_cli.core.errors import MissingArtifact

    path = session.workspace(dataset).mixed(mixed_name(session))
    manifest = read_manifest(path)
    if manifest is None or not path.is_file():
        raise MissingArtifact(
            f"No training instances {mixed_name(session)!r} for {dataset.name} ({path}).",
            hint=session.again("mix"),
        )
    return path, manifest


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    from syneg_cli.cli.commands.card import card_of
    from syneg_cli.core.artifacts import Manifest, write_manifest
    from syneg_cli.core.processes import world
    from syneg_cli.core.record_files import read_instances
    from syneg_cli.encoding.assemble import join_towers
    from syneg_cli.encoding.loading import load_model, locate, weights_hash
    from syneg_cli.mixing.texts import read_texts
    from syneg_cli.training import checkpoints
    from syneg_cli.training.recorder import FILE
    from syneg_cli.training.train import save_model, train

    started = time.monotonic()
    mixed_path, mixed = _mixed(session, dataset)
    texts = read_texts(mixed, dataset)
    section = session.project.train
    here = world()
    # A hub model is known by its content only once it is here.
    locate(section.backbone, progress=session.output)
    plan = replace(plan, inputs={**plan.inputs, "backbone weights": weights_hash(section.backbone)})
    scratch = checkpoints.folder_for(
        plan.path, {"inputs": plan.inputs, "settings": plan.settings}, tidy=here.leads
    )
    here.wait()
    model = load_model(section.backbone, max_length=section.max_length)
    documents = (
        load_model(section.backbone, max_length=section.max_length) if section.refresh == "adore" else None
    )
    result = train(
        model,
        read_instances(mixed_path),
        dataset=dataset,
        texts=texts,
        settings=settings_of(session),
        helpers=make_helpers(session, dataset, model, documents, texts, scratch),
        progress=session.output,
    )
    if documents is not None:
        model = join_towers(model, documents)
    counts = {"pairs": mixed.counts["instances"], **asdict(result)}
    if here.leads:
        card = card_of(session, dataset, model, mixed, result, plan.path.name)
        save_model(model, plan.path, card, scratch / FILE)
        seconds = time.monotonic() - started
        write_manifest(plan.path, Manifest("train", plan.inputs, plan.settings, counts, seconds))
        shutil.rmtree(scratch)
    here.wait()
    return stage.Result("train", plan.path, "done", data=counts, shown=_tables(plan, result))


def _tables(plan: stage.Plan, result: TrainResult) -> tuple[Any, ...]:
    from syneg_cli.cli.output import duration, table

    rows = [(epoch, f"{loss:.4f}") for epoch, loss in enumerate(result.losses, start=1)]
    dropout = "the model's own dropout" if result.dropout is None else f"dropout {result.dropout}"
    line = (
        f"{result.steps} steps in {duration(result.seconds)} on {result.device}, {result.precision}, "
        f"temperature {result.temperature}, {dropout}"
    )
    return table("train", ["epoch", "mean loss"], rows), line

"""`syneg train`: training instances + a backbone -> a sentence-transformers model folder."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.commands import options, stage
from syneg_cli.commands.mix import mixed_name
from syneg_cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.artifacts import Manifest
    from syneg_cli.dataset import Dataset
    from syneg_cli.train import TrainResult, TrainSettings


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
    batch_size: Annotated[int | None, typer.Option(help="Pairs a step.", show_default="16")] = None,
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
    seed: Annotated[int | None, typer.Option(show_default="0")] = None,
    output: Annotated[
        str | None, typer.Option(help="Name of the model.", show_default="<backbone>-<mix>")
    ] = None,
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
        "train.seed": seed,
        "train.output": output,
    }
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config
    )
    this = cast("stage.Stage", sys.modules[__name__])
    result = stage.perform(this, session, session.dataset(), force=force)
    session.output.result(result.as_json(), *result.shown)


def model_name(session: Session) -> str:
    section = session.project.train
    backbone = section.backbone.rstrip("/")
    short = Path(backbone).name if Path(backbone).is_dir() else backbone.replace("/", "--")
    return section.output or f"{short}-{mixed_name(session)}"


def settings_of(session: Session) -> TrainSettings:
    from syneg_cli.train import TrainSettings

    section = session.project.train
    return TrainSettings(
        epochs=section.epochs,
        batch_size=section.batch_size,
        lr=section.lr,
        temperature=section.temperature,
        in_batch=section.in_batch,
        warmup=section.warmup,
        weight_decay=section.weight_decay,
        max_grad_norm=section.max_grad_norm,
        dropout=section.dropout,
        precision=section.precision,
        seed=section.seed,
    )


def plan(session: Session, dataset: Dataset) -> stage.Plan:
    from syneg_cli.artifacts import file_hash
    from syneg_cli.backbones import weights_hash

    section = session.project.train
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
        },
    )


def _mixed(session: Session, dataset: Dataset) -> tuple[Path, Manifest]:
    from syneg_cli.artifacts import read_manifest
    from syneg_cli.errors import MissingArtifact

    path = session.workspace(dataset).mixed(mixed_name(session))
    manifest = read_manifest(path)
    if manifest is None or not path.is_file():
        raise MissingArtifact(
            f"No training instances {mixed_name(session)!r} for {dataset.name} ({path}).",
            hint=f"Run `syneg mix {dataset.name}`.",
        )
    return path, manifest


def run(session: Session, dataset: Dataset, plan: stage.Plan) -> stage.Result:
    from syneg_cli.artifacts import Manifest, read_instances, write_manifest
    from syneg_cli.backbones import hub_id, load_model
    from syneg_cli.model_card import CardFacts, model_card
    from syneg_cli.train import save_model, train

    started = time.monotonic()
    mixed_path, mixed = _mixed(session, dataset)
    instances = read_instances(mixed_path)
    section = session.project.train
    model = load_model(section.backbone, max_length=section.max_length)
    result = train(
        model,
        instances,
        dataset=dataset,
        synthetic=_texts(mixed),
        settings=settings_of(session),
        progress=session.output,
    )
    written = _written_by(mixed)
    card = model_card(
        CardFacts(
            name=plan.path.name,
            base_model=hub_id(section.backbone) or section.backbone,
            dataset=dataset.name,
            strategy=mixed.settings["strategy"],
            ratio=mixed.settings["ratio"],
            negatives=mixed.settings["negatives"],
            composition=mixed.counts["negatives_per_instance"],
            pairs=len(instances),
            llm=written[0],
            prompt=written[1],
            training=_facts(session, result),
            max_length=model.max_seq_length,
            similarity=str(model.similarity_fn_name),
            prompts=model.prompts,
            command=_command(session, dataset),
        )
    )
    save_model(model, plan.path, card)
    counts = {"pairs": len(instances), **asdict(result)}
    write_manifest(
        plan.path, Manifest("train", plan.inputs, plan.settings, counts, time.monotonic() - started)
    )
    return stage.Result("train", plan.path, "done", data=counts, shown=_tables(plan, result))


def _texts(mixed: Manifest) -> dict[str, str]:
    """SyntheticNegative.id -> text, from the file the mix was made of."""
    from syneg_cli.artifacts import file_hash, read_synthetic
    from syneg_cli.errors import MissingArtifact

    if "synthetic" not in mixed.paths:
        return {}
    path = Path(mixed.paths["synthetic"])
    if not path.is_file() or file_hash(path) != mixed.inputs["synthetic"]:
        raise MissingArtifact(
            f"{path} is not the file that was mixed any more.",
            hint="Run `syneg mix` again, then `syneg train`.",
        )
    return {negative.id: negative.full_text for negative in read_synthetic(path)}


def _written_by(mixed: Manifest) -> tuple[str | None, str | None]:
    from syneg_cli.artifacts import read_manifest

    if "synthetic" not in mixed.paths:
        return None, None
    generated = read_manifest(Path(mixed.paths["synthetic"]))
    settings = generated.settings if generated else {}
    return settings.get("llm"), settings.get("prompt")


def _facts(session: Session, result: TrainResult) -> dict[str, Any]:
    section = session.project.train
    return {
        "epochs": section.epochs,
        "steps": result.steps,
        "batch size": section.batch_size,
        "learning rate": section.lr,
        "warm-up": section.warmup,
        "weight decay": section.weight_decay,
        "temperature": result.temperature,
        "in-batch negatives": "yes" if section.in_batch else "no",
        "dropout": "the model's own" if result.dropout is None else result.dropout,
        "precision": result.precision,
        "seed": section.seed,
    }


def _command(session: Session, dataset: Dataset) -> str:
    """The command line that trains this model again from the same mix."""
    section = session.project.train
    parts = [
        f"syneg train {dataset.name}",
        f"--backbone {section.backbone}",
        f"--mixed {mixed_name(session)}",
    ]
    parts += [f"--epochs {section.epochs}", f"--batch-size {section.batch_size}", f"--lr {section.lr}"]
    for flag, value in (
        ("temperature", section.temperature),
        ("dropout", section.dropout),
        ("max-length", section.max_length),
        ("output", section.output),
    ):
        parts += [f"--{flag} {value}"] if value is not None else []
    parts += [] if section.in_batch else ["--no-in-batch"]
    return " ".join([*parts, f"--precision {section.precision}", f"--seed {section.seed}"])


def _tables(plan: stage.Plan, result: TrainResult) -> tuple[Any, ...]:
    from syneg_cli.output import duration, table

    rows = [(epoch, f"{loss:.4f}") for epoch, loss in enumerate(result.losses, start=1)]
    dropout = "the model's own dropout" if result.dropout is None else f"dropout {result.dropout}"
    line = (
        f"{result.steps} steps in {duration(result.seconds)} on {result.device}, {result.precision}, "
        f"temperature {result.temperature}, {dropout}"
    )
    return table("train", ["epoch", "mean loss"], rows), line

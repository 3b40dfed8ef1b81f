"""The model card of `syneg train`, from what was resolved and done."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import Manifest, read_manifest
from syneg_cli.data import Dataset, DatasetSettings
from syneg_cli.encoding import hub_id
from syneg_cli.mixing import check_strategy
from syneg_cli.stages.mix import mixed_name
from syneg_cli.stages.project import flag_of
from syneg_cli.stages.session import Session
from syneg_cli.training import CROSS_ENCODER, CardFacts, TrainResult, TrainSettings, model_card

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

ALWAYS = ("backbone", "epochs", "batch_size", "lr", "precision", "seed")
"""Settings that the command states even at their default."""

PAIR_LOSSES = {
    "listwise": "softmax cross-entropy over each query's positive and its negatives (LCE, arXiv 2101.08751)",
    "bce": "binary cross-entropy of every (query, document) pair",
}


def card_of(
    session: Session,
    dataset: Dataset,
    model: SentenceTransformer | CrossEncoder,
    mixed: Manifest,
    result: TrainResult,
    name: str,
) -> str:
    """The card as it is written.

    Args:
        mixed: the manifest of the mix that was trained on.
        name: the model's.
    """
    section = session.project.train
    llm, prompt = _written_by(mixed)
    return model_card(
        CardFacts(
            name=name,
            base_model=hub_id(section.backbone) or section.backbone,
            dataset=dataset.name,
            strategy=mixed.settings["strategy"],
            ratio=learned_from(mixed)["ratio"],
            negatives=mixed.settings["negatives"],
            composition=mixed.counts["negatives_per_instance"],
            pairs=mixed.counts["instances"],
            mirrored=mixed.counts.get("mirrored", 0),
            written=mixed.counts.get("written_queries", 0),
            queries_by=_queries_by(session, dataset),
            weight=dataset.synthetic_weight,
            llm=llm,
            prompt=prompt,
            loss=_loss(session),
            training=_facts(session, result),
            max_length=model.max_seq_length,
            similarity=str(getattr(model, "similarity_fn_name", "")),
            kind=section.kind,
            prompts=model.prompts,
            command=command_of(session, dataset, str(mixed.settings.get("name") or "")),
        )
    )


def learned_from(mixed: Manifest) -> dict[str, Any]:
    """What a model has to remember of its mix, which may be made again; `ratio` None is none asked for."""
    strategy = str(mixed.settings["strategy"])
    return {
        "strategy": strategy,
        "ratio": mixed.settings["ratio"] if check_strategy(strategy).uses_ratio else None,
        "negatives_per_instance": dict(mixed.counts["negatives_per_instance"]),
        "mirrored": mixed.counts.get("mirrored", 0),
        "written_queries": mixed.counts.get("written_queries", 0),
    }


def _queries_by(session: Session, dataset: Dataset) -> str:
    """The LLM that wrote the queries."""
    manifest = read_manifest(session.workspace(dataset).queries(session.project.queries.name))
    return str(manifest.settings.get("llm") or "") if manifest else ""


def _written_by(mixed: Manifest) -> tuple[str | None, str | None]:
    """(LLM, prompt) of the synthetic negatives in a mix."""
    if "synthetic" not in mixed.paths:
        return None, None
    generated = read_manifest(Path(mixed.paths["synthetic"]))
    settings: Mapping[str, Any] = generated.settings if generated else {}
    return settings.get("llm"), settings.get("prompt")


def _loss(session: Session) -> str:
    section = session.project.train
    if section.kind == CROSS_ENCODER:
        return PAIR_LOSSES[section.loss]
    if section.refresh == "adore":
        return (
            "ADORE's pairwise lambda loss over what each query retrieves; "
            "documents are encoded by the base model, unchanged"
        )
    added = {
        "CausalNeg's regulariser": section.balance,
        f"listwise distillation from {_teacher(section)}": section.distil if section.taught else 0,
    }
    terms = [f"{weight} x {name}" for name, weight in added.items() if weight]
    return " + ".join(["InfoNCE", *terms])


def _teacher(section: TrainSettings) -> str:
    first = "a cross-encoder" if section.cross_encoder else "the base model's similarities"
    return f"{first} + {section.lexical:g} x BM25" if section.lexical else first


def _facts(session: Session, result: TrainResult) -> dict[str, Any]:
    section = session.project.train
    epochs = len(result.losses)
    facts: dict[str, Any] = {
        "epochs": epochs if epochs == section.epochs else f"{epochs} of {section.epochs}",
        "steps": result.steps,
        "batch size": section.batch_size,
        "learning rate": section.lr,
        "warm-up": section.warmup,
        "weight decay": section.weight_decay,
        **_comparing(section, result),
        "dropout": "the model's own" if result.dropout is None else result.dropout,
        "precision": result.precision,
        "seed": section.seed,
    }
    for key in ("balance", "guide", "cross_encoder", "lexical", "matryoshka", "freeze", "lora"):
        idle = key in ("cross_encoder", "lexical") and not section.distil
        if (value := getattr(section, key)) and not idle:
            facts[key.replace("_", " ")] = value
    if section.refresh == "adore" or (section.refresh == "ance" and _mined_again(section, result)):
        facts["dynamic negatives"] = section.refresh
    if section.merge < 1:
        facts["share of the fine-tuned weights"] = section.merge
    if result.best_epoch:
        facts["epoch kept, by dev nDCG@10"] = result.best_epoch
        facts["its dev nDCG@10"] = round(result.dev[result.best_epoch - 1], 4)
    return facts


def _mined_again(section: TrainSettings, result: TrainResult) -> bool:
    """Whether a run was long enough for ANCE to mine during it."""
    every = section.refresh_steps
    return result.steps * section.accumulation > every if every else len(result.losses) > 1


def _comparing(section: TrainSettings, result: TrainResult) -> dict[str, Any]:
    """What only vectors have, or only a cross-encoder."""
    if section.kind == CROSS_ENCODER:
        head = "fresh, drawn with the seed" if result.fresh_head else "the base model's"
        return {"head before training": head, "negatives": "a query's own, none of the batch"}
    if section.refresh == "adore":
        return {"temperature": result.temperature}
    return {"temperature": result.temperature, "in-batch negatives": "yes" if section.in_batch else "no"}


def command_of(session: Session, dataset: Dataset, mix: str = "") -> str:
    """The command line that trains this model again from the same mix."""
    section, defaults = session.project.train, TrainSettings()
    flags = [f"--mixed {shlex.quote(mix or mixed_name(session))}"]
    flags += [
        _flag(flag_of(key), value)
        for key, value in section.model_dump().items()
        if value != getattr(defaults, key) or key in ALWAYS
    ]
    chosen, keys = session.project.dataset, []
    if chosen.test_fraction and "test" in dataset.carved:  # or train would not be there, or hold what is test
        keys += ["test_fraction", "test_seed"]
    whole = DatasetSettings()
    if chosen.dev_fraction != whole.dev_fraction and (
        "dev" in dataset.carved or "dev" not in dataset.judgements
    ):
        keys.append("dev_fraction")
    if chosen.dev_seed != whole.dev_seed and "dev" in dataset.carved:
        keys.append("dev_seed")
    if chosen.resplit != "none":
        keys += ["resplit", "resplit_seed"]
    if chosen.train_queries:
        keys += ["train_queries", "train_seed"]
    flags += [f"--set dataset.{key}={getattr(chosen, key)}" for key in keys]
    if dataset.whole_train is not None:
        flags.append(flag_of("dataset.disjoint"))
    if dataset.synthetic:
        flags.append(f"--synthetic-queries {dataset.synthetic_weight:g}")
    name = shlex.quote(session.project.dataset.name or dataset.name)
    return " ".join(["syneg train", name, *flags])


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else name.replace("--", "--no-", 1)
    if isinstance(value, tuple):
        return " ".join(f"{name} {item}" for item in value)
    return f"{name} {shlex.quote(str(value))}"

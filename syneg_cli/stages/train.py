"""train: training instances + a backbone -> a sentence-transformers model folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    CORPUS,
    Manifest,
    TrainingInstance,
    UsageError,
    counted,
    file_hash,
    near,
    read_instances,
    read_manifest,
    world,
    write_text,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import locate, weights_hash
from syneg_cli.evaluation import RECORD, TrainedOn
from syneg_cli.mixing import read_texts
from syneg_cli.stages import encoders
from syneg_cli.stages.card_facts import card_of, learned_from
from syneg_cli.stages.mix import mix_of, mixed_name
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, never_negatives
from syneg_cli.training import (
    CARD,
    CROSS_ENCODER,
    LOGS,
    RECORDING,
    Around,
    TrainSettings,
    card_hash,
    check_kind,
    check_refresh,
    checkpoint_folder,
    drop_checkpoints,
    fine_tune,
    save_model,
)

TRAINED_ON = "train qrels"
"""The input of a mix's or a model's manifest that says which queries train had."""

JUDGED_TRAIN = "judged train qrels"
"""The input that says which queries of people a model learned from, beside LLM-written ones."""


class Train(Stage):
    """A fine-tuned model."""

    name = "train"
    follows = True
    named_by = "--output"

    def __init__(self, session: Session, dataset: Dataset) -> None:
        super().__init__(session, dataset)
        self.settings = self.project.train

    def plan(self) -> Plan:
        check_kind(self.settings)
        check_refresh(self.settings, self.dataset)
        mixed, manifest = mix_of(self.session, self.dataset)
        inputs = dict(manifest.inputs) | self.dataset.inputs("train")
        inputs |= {
            "training instances": file_hash(mixed),
            "backbone weights": weights_hash(self.settings.backbone),
        }
        if self.dataset.synthetic:
            inputs[JUDGED_TRAIN] = self.dataset.judged_train
        # Without a teacher there is nothing that `distil` could weigh.
        distil = self.settings.distil if self.settings.taught else 0.0
        written = self._of_written()
        # They decide what is masked, and the dev score.
        ids, before = never_negatives(self.dataset, "train", "dev")
        taught = encoders.weights_of("cross-encoder weights", self.settings.cross_encoder)
        taught |= encoders.weights_of("guide weights", self.settings.guide)
        named: dict[str, Any] = {"mix": mixed_name(self.session), "distil": distil}
        if self.settings.taught and self.settings.lexical:
            named["language"] = self.dataset.language
        settings = self.settings.deciding() | named | taught | ids | written
        path = self.workspace.model(model_name(self.session))
        # A model of an earlier version was taught by what is there now, as far as anyone knows.
        defaults = TrainSettings().deciding() | taught | before
        return Plan(self.name, path, inputs, settings, defaults, [mixed])

    def _of_written(self) -> dict[str, float]:
        """What LLM-written queries count, where there are any."""
        if not self.dataset.synthetic:
            return {}
        return {"weight of LLM-written queries": self.dataset.synthetic_weight}

    def prepare(self) -> None:
        backbone, model = self.settings.backbone, self.workspace.model(model_name(self.session))
        if Path(backbone).is_dir() and Path(backbone).resolve() == model.resolve():
            raise UsageError(
                f"The model {model.name} would take the place of its own backbone.",
                hint="Choose another name (--output NAME).",
            )
        locate(backbone, progress=self.session.progress)

    def settled(self, plan: Plan) -> None:
        drop_checkpoints(plan.path)

    def forget(self, plan: Plan) -> None:
        if world().leads:
            drop_checkpoints(plan.path)

    def edited(self, path: Path) -> Path | None:
        """The model's card: `eval` notes metrics in it, so it is told by the rest."""
        card, manifest = path / CARD, read_manifest(path)
        if manifest is None or not manifest.card or not card.is_file():
            return None
        return None if card_hash(card.read_bytes()) == manifest.card else card

    def run(self, plan: Plan, to: Path) -> Made:
        here, said = world(), ""
        mixed_path, mixed = mix_of(self.session, self.dataset)
        texts = read_texts(mixed, self.dataset)
        instances = read_instances(mixed_path, known=texts.known(self.dataset))
        self._tell_of_other_queries(mixed_path, mixed, instances)
        scratch = checkpoint_folder(
            plan.path, {"inputs": plan.inputs, "settings": plan.settings}, tidy=here.leads
        )
        here.wait()
        around = Around(self.dataset, texts, self.session.progress, self.workspace.embeddings, scratch)
        model, result = fine_tune(instances, self.settings, around)
        if here.leads:
            card = card_of(self.session, self.dataset, model, mixed, result, plan.path.name)
            save_model(model, to, card, scratch / RECORDING, scratch / LOGS)
            said = card_hash((to / CARD).read_bytes())
            write_text(to / RECORD, self._trained_on(instances).text())
        counts = {"pairs": mixed.counts["instances"], "mix": learned_from(mixed), **asdict(result)}
        counts["training_seconds"] = counts.pop("seconds")
        return Made(counts, result, card=said)

    def _tell_of_other_queries(
        self, path: Path, mixed: Manifest, instances: Sequence[TrainingInstance]
    ) -> None:
        """Of a mix that was made when train had other queries: they are what is trained on."""
        role, dataset = TRAINED_ON, self.dataset
        if mixed.inputs.get(role, "") in ("", dataset.inputs("train")[role]):
            return
        asked = {one.query_id for one in instances if one.positive_source == CORPUS}
        train = dataset.judgements["train"].keys()
        told = f"{counted(len(asked), 'query', 'queries')}, {len(asked & train)} of them queries of train now"
        for split, qrels in dataset.judgements.items():
            if split != "train" and (held := asked & qrels.keys() - train):
                told += f" and {len(held)} of {split}"
        self.session.progress.warn(
            f"{near(path)} was mixed when {dataset.name} had other train queries, and is trained on as it "
            f"is: {told}. {self.session.again('mix')}"
        )

    def _trained_on(self, instances: Sequence[TrainingInstance]) -> TrainedOn:
        """What the model has learned from, with what its backbone had learned from where syneg trained it."""
        own = TrainedOn.instances(instances, self.dataset, self.dataset.synthetic)
        before = TrainedOn.read(Path(self.settings.backbone))
        if before and (told := before.told_of_others(Path(self.settings.backbone).name, self.dataset)):
            self.session.progress.warn(f"{told}, nor will it be of the new model")
        return own.joined(before, self.dataset)


def model_name(session: Session) -> str:
    """`<backbone>-<mix>`, `<backbone>-<mix>-reranker` of a cross-encoder, unless [train] names the model."""
    section = session.project.train
    backbone = section.backbone.rstrip("/")
    short = Path(backbone).name if Path(backbone).is_dir() else backbone.replace("/", "--")
    reranker = "-reranker" if section.kind == CROSS_ENCODER else ""
    return section.output or f"{short}-{mixed_name(session)}{reranker}"

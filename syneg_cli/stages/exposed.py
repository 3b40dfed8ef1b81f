"""What a subject of `eval` was trained on."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import MissingArtifact, counted, file_hash, is_file, read_instances, read_manifest
from syneg_cli.data import Dataset
from syneg_cli.evaluation import TrainedOn
from syneg_cli.stages.session import Session
from syneg_cli.stages.subjects import Subject
from syneg_cli.stages.train import JUDGED_TRAIN, TRAINED_ON


def trained_on(session: Session, dataset: Dataset, subject: Subject) -> TrainedOn | None:
    """What a model learned from of this data set; None where that is not recorded.

    Models of earlier versions do not say: their mix does, where it is the same still, and the
    train judgements, where they are; both of the same documents alone.
    """
    folder = Path(subject.location)
    if subject.is_run or subject.is_bm25 or not folder.is_dir():
        return None
    if recorded := TrainedOn.read(folder):
        if told := recorded.told_of_others(subject.name, dataset):
            session.once.warn(told)
        return recorded if recorded.of(dataset) else None
    manifest = read_manifest(folder)
    if manifest is None or manifest.stage != "train":
        return None
    if manifest.inputs.get("corpus") != dataset.corpus.fingerprint:
        told = "is of an earlier version that did not record it, and the documents may be others by now"
        session.once.warn(f"what {subject.name} was trained on is not known: it {told}")
        return None
    mixed = session.workspace(dataset).mixed(str(manifest.settings.get("mix")))
    if is_file(mixed) and file_hash(mixed) == manifest.inputs.get("training instances"):
        try:
            instances = read_instances(mixed, hint=None)
        except MissingArtifact:
            return None
        people = dataset.queries.keys() - dataset.synthetic
        written = {one.query_id for one in instances} - people
        return TrainedOn.instances(instances, dataset, written)
    if not dataset.judgements.get("train"):
        return None
    now = dataset.inputs("train")[TRAINED_ON]
    return TrainedOn.train(dataset) if manifest.inputs.get(TRAINED_ON) == now else None


def told_of_leak(session: Session, dataset: Dataset, subject: Subject, split: str) -> str:
    """A sentence where a model learned queries of the split that train does not have now; "" where not.

    Where it is not recorded what it learned from: where a setting parts the two, and train was another.
    """
    manifest, train = read_manifest(Path(subject.location)), dataset.judgements.get("train", {})
    if recorded := trained_on(session, dataset, subject):
        known = recorded.queries & (dataset.qrels(split).keys() - train.keys())
        if not known:
            return ""
        are = counted(len(known), f"query of {split} is", f"queries of {split} are")
        return (
            f"{subject.name} was trained on other train queries than {dataset.name} has now, and {are} among "
            f"them (the first is {min(known)!r}): what {split} measures is partly what was trained on. Train "
            "it again"
        )
    inputs = manifest.inputs if manifest else {}
    learned, now = inputs.get(JUDGED_TRAIN) or inputs.get(TRAINED_ON), dataset.judged_train
    if dataset.synthetic & dataset.qrels(split).keys():  # measured on written ones, which train has, too
        learned, now = inputs.get(TRAINED_ON), dataset.inputs("train")[TRAINED_ON]
    parted = split != "train" and (split in dataset.carved or not train)
    if not learned or learned == now or not parted:
        return ""
    return (
        f"{subject.name} was trained on other train queries than {dataset.name} has now, so queries of "
        f"{split} may be among them: were test_fraction or dev_fraction of [dataset] changed? Train it again"
    )

"""What a subject of `eval` was trained on."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import MissingArtifact, file_hash, is_file, read_instances, read_manifest
from syneg_cli.data import Dataset
from syneg_cli.evaluation import TrainedOn
from syneg_cli.stages.session import Session
from syneg_cli.stages.subjects import Subject

TRAINED_ON = "train qrels"
"""The input of a model's manifest that says which queries it learned from."""


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

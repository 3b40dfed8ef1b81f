"""report: what is known of a data set's models. The data set itself is read where it is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from syneg_cli.core import (
    MissingArtifact,
    SynegError,
    Workspace,
    content_hash,
    did_you_mean,
    names_beside,
    read_manifest,
    user_path,
)
from syneg_cli.data import Dataset, folder_called, local_folder
from syneg_cli.encoding import Encoder, find_model
from syneg_cli.evaluation import Search
from syneg_cli.forecast import Forecast, read_forecast
from syneg_cli.llm import embedding_api
from syneg_cli.report import (
    SHOWN,
    Facts,
    Model,
    Negatives,
    Results,
    Searched,
    Separation,
    measure,
    read_models,
    read_negatives,
    read_results,
    read_searches,
    sample_texts,
    write_report,
)
from syneg_cli.stages.expanding import expansion_of, need_share
from syneg_cli.stages.pilot import asked_otherwise
from syneg_cli.stages.session import Session
from syneg_cli.stages.train import model_name
from syneg_cli.studies import Study, read_study, studies_of

SAMPLED = 100
"""Queries whose texts are compared, and encoded for that, unless --sample says otherwise."""


def report_workspace(session: Session) -> Workspace:
    """Where the data set's results are. A report needs no data: the data set is not opened."""
    # A data set goes by its folder's own name, also where a link leads there.
    names = dict.fromkeys(place.resolve().name for place in _places(session))
    found = [Workspace(session.work_dir, name) for name in names]
    return next((one for one in found if one.model("x").parent.is_dir()), found[0])


def _places(session: Session) -> list[Path]:
    """Where the data set's folder may be, the likeliest first."""
    name, data_dir = folder_called(session.need_name()), session.project.dataset.data_dir
    places = [user_path(name), session.resolved.path(name)]
    return [session.resolved.path(data_dir) / name, *places] if data_dir else places


def reported_results(session: Session, workspace: Workspace) -> Results:
    """What was made of the data set, with its import where its folder is at hand and was imported."""
    folders = (place for place in _places(session) if place.resolve().name == workspace.dataset)
    return read_results(workspace, next((folder for folder in folders if folder.is_dir()), None))


def reported_split(session: Session, workspace: Workspace) -> str:
    """The split that scores are of: where none is named and test was never measured, dev if that was."""
    split = session.project.eval.split
    if session.resolved.origins.get("eval.split", "default") != "default":
        return split
    measured = names_of_splits(workspace)
    return "dev" if split not in measured and "dev" in measured else split


def names_of_splits(workspace: Workspace) -> set[str]:
    """The splits that something was measured on, by the names of what is stored."""
    files = workspace.evaluation("x").parent.glob("*.trec")
    return {file.stem.rpartition("-")[2] for file in files}


def page_of(session: Session) -> Path:
    """Write the report of all models that were trained here; the page."""
    workspace = report_workspace(session)
    return write_report(workspace.root / workspace.dataset / "report", reported(session, workspace)).html


def reported(
    session: Session, workspace: Workspace, names: Sequence[str] = (), *, sample: int = SAMPLED
) -> Facts:
    """Everything that a page is made of.

    Args:
        names: the models; without any, all there are. The page is about the first of them.
        sample: queries whose texts are compared; 0 encodes nothing.

    Raises:
        MissingArtifact: no model can be reported.
        UsageError: a name is no model's.
    """
    need_share(session)
    studies, not_read = reported_studies(workspace)
    alone = bool(studies) and not names
    if not_read and not studies and not names_beside(workspace.model("x")):
        raise MissingArtifact(f"{workspace.dataset} has no trained model. {' '.join(not_read)}")
    anything = alone or names_beside(workspace.model("x"))  # else the data set is not even opened
    dataset, why = reported_texts(session) if anything else (None, "")
    pilots, no_forecast = reported_pilots(workspace, dataset)
    models, left_out = reported_models(session, workspace, list(names), dataset, alone=alone)
    negatives = read_negatives(workspace, max(sample, SHOWN))
    searches, not_compared = reported_searches(session, workspace, names, dataset)
    notes = [*([why] if why else []), *not_read, *no_forecast, *not_compared]
    separation = None
    facts = Facts(
        workspace.dataset,
        models,
        reported_split(session, workspace),
        left_out,
        reported_results(session, workspace),
        [*names, model_name(session)],
        dataset,
        negatives,
        studies=studies,
        pilots=pilots,
        searches=searches,
        named=bool(names),
    )
    if dataset is not None and negatives.by_query and sample:
        backbone = _backbone(session, facts)
        separation, why = _separation(session, dataset, backbone, negatives, sample)
        notes += [why] if why else []
    return replace(facts, separation=separation, notes=notes)


def _backbone(session: Session, facts: Facts) -> str:
    """Of what the page is about: its main model, else any, else a study, whose plan names no places."""
    about = facts.main or next(iter(facts.models), None)
    if about:
        return str(about.settings.get("backbone"))
    named, own = facts.studies[0].plan.backbone, session.project.train.backbone
    return own if Path(own).name == named else named


def reported_studies(workspace: Workspace) -> tuple[list[Study], list[str]]:
    """Every study of a data set; and a line for each that cannot be read."""
    found, left_out = [], []
    for folder in studies_of(workspace.root / workspace.dataset):
        try:
            found.append(read_study(folder))
        except MissingArtifact as error:
            left_out.append(f"The study {folder.name} is left out: {error}")
    return found, left_out


def reported_pilots(workspace: Workspace, dataset: Dataset | None) -> tuple[dict[str, Forecast], list[str]]:
    """What pilots foretold, by the name of the negatives; and a line for each that says nothing of them.

    Args:
        dataset: as it is now; None where it is not at hand.
    """
    found, left_out = {}, []
    for name in workspace.pilots():
        if other := _outdated(workspace, name, dataset):
            left_out.append(f"The pilot of {name} is left out: it asked with another {' and '.join(other)}")
            continue
        try:
            found[name] = read_forecast(workspace.pilot(name))
        except MissingArtifact as error:
            left_out.append(f"The pilot of {name} is left out: {error.message}")
    return found, left_out


def _outdated(workspace: Workspace, name: str, dataset: Dataset | None) -> list[str]:
    """What a pilot asked with that is another now: of the negatives that there are, or of the data set."""
    piloted, made = read_manifest(workspace.pilot(name)), read_manifest(workspace.synthetic(name))
    if piloted is None:
        return []
    other = asked_otherwise(piloted, made) if made else []
    meant = piloted.inputs.get("relevance")
    if dataset is not None and meant not in (None, content_hash(dataset.relevance)):
        other.append("relevance")
    return sorted(set(other))


def reported_texts(session: Session) -> tuple[Dataset | None, str]:
    """The data set where it is on this machine and can be read; else why the page has no texts."""
    section = session.project.dataset
    data_dir = session.resolved.path(section.data_dir) if section.data_dir else None
    without = "so the page has no texts, and nothing that is measured on them"
    try:
        if local_folder(session.need_name(), data_dir=data_dir, folder=session.resolved.folder) is None:
            return None, f"The data set is not on this machine, {without}."
        return session.dataset("if there"), ""
    except SynegError as error:
        return None, f"The data set cannot be read, {without}: {error.message}"


def _separation(
    session: Session, dataset: Dataset, name: str, negatives: Negatives, sample: int
) -> tuple[Separation | None, str]:
    """What the sources of negatives look like to a backbone; else why that was not measured."""
    without = "the sources of negatives are not compared"
    by_query = dict(list(negatives.by_query.items())[:sample])
    texts = sample_texts(replace(negatives, by_query=by_query), dataset)
    if not texts:
        return None, f"None of the negatives belongs to a query of {dataset.name} as it is now: {without}."
    try:
        if embedding_api(name) or find_model(name) is None:
            return None, f"{name} is not a model on this machine: {without}."
        encoder = Encoder.load(name, cache=session.workspace(dataset).embeddings, progress=session.progress)
        return measure(texts, dataset, encoder, session.progress), ""
    except SynegError as error:
        return None, f"{name} cannot be loaded: {without}. {error.message}"


def reported_searches(
    session: Session, workspace: Workspace, names: Sequence[str], dataset: Dataset | None
) -> tuple[list[Searched], list[str]]:
    """Every system that searches with more than its model's own vectors; a line for each that is left out.

    Args:
        names: of the models trained here, those that the page is about; without any, all.
    """
    split = reported_split(session, workspace)
    return read_searches(
        workspace,
        split,
        cache(lambda search: _measured_on(session, dataset, split, search) or {}),
        margin=session.project.eval.equivalence_margin,
        without=set(names_beside(workspace.model("x"))) - set(names) if names else (),
    )


def _measured_on(
    session: Session, dataset: Dataset | None, split: str, search: Search
) -> dict[str, str] | None:
    """Role -> hash of what a system is measured on, as it is now; None where the data set is not at hand."""
    if dataset is None or split not in dataset.judgements:
        return None
    return dict(dataset.inputs(split)) | _in_index(session, dataset, search)


def _in_index(session: Session, dataset: Dataset, search: Search) -> dict[str, str]:
    """The role and hash of the queries in the index; {} where none can be read."""
    try:
        beside = expansion_of(session, dataset, search)
    except SynegError:
        return {}
    return beside.inputs if beside else {}


def reported_models(
    session: Session,
    workspace: Workspace,
    names: list[str],
    dataset: Dataset | None,
    *,
    alone: bool = False,
) -> tuple[list[Model], list[str]]:
    """The models named, or all; and a line for each that is left out. What is measured on other data than
    `dataset` has now is no score.

    Args:
        alone: whether a page without any model has something to say.
    """
    if alone and not names_beside(workspace.model("x")):
        return [], []
    split, section = reported_split(session, workspace), session.project.eval
    search, margin = section.search, section.equivalence_margin
    data = _measured_on(session, dataset, split, search)
    try:
        return read_models(workspace, names, split=split, search=search, margin=margin, data=data)
    except MissingArtifact as error:
        others = [path.parent.name for path in session.work_dir.glob("*/models")]
        near = "" if workspace.dataset in others else did_you_mean(workspace.dataset, others)
        raise MissingArtifact(error.message + near, hint=session.again("train")) from None

"""report: which models of a data set are reported, without opening the data set."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import MissingArtifact, Workspace, did_you_mean, user_path
from syneg_cli.report import Model, Results, read_models, read_results, write_report
from syneg_cli.stages.session import Session


def report_workspace(session: Session) -> Workspace:
    """Where the data set's results are. A report needs no data: the data set is not opened."""
    # A data set goes by its folder's own name, also where a link leads there.
    names = dict.fromkeys(place.resolve().name for place in _places(session))
    found = [Workspace(session.work_dir, name) for name in names]
    return next((one for one in found if one.model("x").parent.is_dir()), found[0])


def _places(session: Session) -> list[Path]:
    """Where the data set's folder may be, the likeliest first."""
    name, data_dir = session.need_name(), session.project.dataset.data_dir
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
    models, left_out = reported_models(session, workspace, [])
    folder = workspace.root / workspace.dataset / "report"
    split, results = reported_split(session, workspace), reported_results(session, workspace)
    made = write_report(folder, workspace.dataset, models, split=split, left_out=left_out, results=results)
    return made.html


def reported_models(
    session: Session, workspace: Workspace, names: list[str]
) -> tuple[list[Model], list[str]]:
    """The models named, or all; and a line for each that is left out."""
    try:
        return read_models(workspace, names, split=reported_split(session, workspace))
    except MissingArtifact as error:
        others = [path.parent.name for path in session.work_dir.glob("*/models")]
        near = "" if workspace.dataset in others else did_you_mean(workspace.dataset, others)
        raise MissingArtifact(error.message + near, hint=session.again("train")) from None

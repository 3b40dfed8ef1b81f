"""`syneg report`: what training recorded, as figures and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syneg_cli.cli.commands import options
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.core.artifacts import Workspace
    from syneg_cli.report.records import Model


def register(app: typer.Typer) -> None:
    app.command("report", help="Draw what training recorded: figures, Markdown and one HTML file.")(command)


def command(
    dataset: options.DatasetArgument = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model, by name; may be repeated.", show_default="all with a recording"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder to write.", metavar="FOLDER", show_default="WORK_DIR/DATASET/report"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Whose eval results.", show_default="test")] = None,
    project: options.ProjectFile = None,
    data_dir: options.DataDir = None,
    work_dir: options.WorkDir = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    from syneg_cli.core.errors import UsageError
    from syneg_cli.report.write import write_report

    flags = {
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
        "eval.split": split,
    }
    session = options.open_session(flags, project=project, as_json=as_json, quiet=quiet)
    if output is not None and output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file.", hint="Give a folder to --output.")
    workspace = _workspace(session)
    models, left_out = _models(session, workspace, model or [])
    for line in left_out:
        session.output.warn(line)
    folder = output or workspace.root / workspace.dataset / "report"
    shown = session.project.eval.split
    made = write_report(folder, workspace.dataset, models, split=shown, left_out=left_out)
    data = {
        "dataset": workspace.dataset,
        "report": str(made.markdown),
        "html": str(made.html),
        "figures": [str(figure) for figure in made.figures],
        "models": [_summary(one) for one in models],
        "left_out": left_out,
    }
    session.output.result(data, _table(workspace.dataset, models, shown), f"{made.html}\n{made.markdown}")


def _workspace(session: Session) -> Workspace:
    """Where the data set's results rest. A report needs no data: the data set is not opened."""
    from syneg_cli.core.artifacts import Workspace
    from syneg_cli.core.errors import UsageError

    section = session.project.dataset
    if not section.name:
        raise UsageError(
            "No data set named.",
            hint="Name one (`syneg report scifact`), or set name in [dataset] of syneg.toml.",
        )
    places = [Path(section.name).expanduser(), session.resolved.path(section.name)]
    if section.data_dir:
        places.insert(0, session.resolved.path(section.data_dir) / section.name)
    # A data set goes by its folder's own name, also where a link leads there.
    names = dict.fromkeys(place.resolve().name for place in places)
    found = [Workspace(session.work_dir, name) for name in names]
    return next((one for one in found if one.model("x").parent.is_dir()), found[0])


def _models(session: Session, workspace: Workspace, names: list[str]) -> tuple[list[Model], list[str]]:
    from syneg_cli.core.errors import MissingArtifact, did_you_mean
    from syneg_cli.report.models import read_models

    try:
        return read_models(workspace, names, split=session.project.eval.split)
    except MissingArtifact as error:
        others = [path.parent.name for path in session.work_dir.glob("*/models")]
        near = "" if workspace.dataset in others else did_you_mean(workspace.dataset, others)
        raise MissingArtifact(error.message + near, hint=session.again("train")) from None


def _summary(model: Model) -> dict[str, Any]:
    score, mix = model.score, model.mix
    gain = score.gain if score else None
    return {
        "name": model.name,
        "strategy": mix.strategy if mix else None,
        "ratio": mix.ratio if mix else None,
        "negatives": dict(mix.negatives) if mix else None,
        "steps": model.recording.steps,
        "loss": model.losses[-1] if model.losses else None,
        "gradient_variance": model.recording.gradient_variance(),
        "dev": list(model.dev),
        "ndcg@10": score.value if score else None,
        "to_backbone": gain.difference if gain else None,
        "p": gain.p_randomisation if gain else None,
        "notes": list(model.notes),
    }


def _table(dataset: str, models: list[Model], split: str) -> Any:
    """What fits a terminal; the report's own table has the rest."""
    from syneg_cli.cli.output import table
    from syneg_cli.report.wording import models_table

    whole = models_table(models, split)
    p = "p, corrected" if "p, corrected" in whole.columns else "p"
    columns = ["model", "steps", "gradient variance", f"nDCG@10, {split}", "to the backbone", p]
    places = [list(whole.columns).index(column) for column in columns]
    rows = [[row[place] for place in places] for row in whole.rows]
    return table(f"training on {dataset}", columns, rows, right=lambda column: column != "model")

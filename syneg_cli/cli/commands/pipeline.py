"""`syneg run` and `syneg status`: the five stages in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.data.dataset import Dataset


def register(app: typer.Typer) -> None:
    app.command("run", help="Do whatever of generate, mine, mix, train and eval is not up to date.")(run)
    app.command("status", help="Show which stages are up to date, and why the others are not.")(status)


Llm = Annotated[str | None, typer.Option("--llm", help="PROVIDER:MODEL for generate.")]
Backbone = Annotated[str | None, typer.Option(help="Alias, folder or hub id.", show_default="minilm")]
Strategy = Annotated[str | None, typer.Option(help="How to mix.", show_default="hybrid")]
Ratio = Annotated[float | None, typer.Option(help="Synthetic : retrieved.", show_default="0.7")]
Negatives = Annotated[
    int | None, typer.Option("--negatives", "-k", help="Negatives per instance.", show_default="3")
]
Mirror = Annotated[
    str | None, typer.Option(help="Queries of the negatives' own, for --strategy mirror.", metavar="FILE")
]


def _flags(
    dataset: str | None,
    data_dir: str | None,
    work_dir: str | None,
    llm: str | None,
    backbone: str | None,
    strategy: str | None,
    ratio: float | None,
    negatives: int | None,
    mirror: str | None,
) -> dict[str, Any]:
    return {
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
        "generate.llm": llm,
        "train.backbone": backbone,
        "mix.strategy": strategy,
        "mix.ratio": ratio,
        "mix.negatives": negatives,
        "mix.mirror": mirror,
    }


def run(
    dataset: options.DatasetArgument = None,
    llm: Llm = None,
    backbone: Backbone = None,
    strategy: Strategy = None,
    ratio: Ratio = None,
    negatives: Negatives = None,
    mirror: Mirror = None,
    project: options.ProjectFile = None,
    data_dir: options.DataDir = None,
    work_dir: options.WorkDir = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    force: options.Force = False,
    show_config: options.ShowConfig = False,
) -> None:
    flags = _flags(dataset, data_dir, work_dir, llm, backbone, strategy, ratio, negatives, mirror)
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config
    )
    results = run_stages(session, session.dataset(), force=force)
    shown = [item for result in results for item in result.shown]
    session.output.result({"stages": [result.as_json() for result in results]}, *shown)


def run_stages(session: Session, dataset: Dataset, *, force: bool = False) -> list[stage.Result]:
    """Perform every stage that the strategy needs, in order."""
    return [stage.perform(one, session, dataset, force=force) for one in stages(session).values()]


def stages(session: Session) -> dict[str, stage.Stage]:
    """The stages in order; a strategy that reads no synthetic (or no mined) negatives needs no such stage."""
    from syneg_cli.cli.commands import evaluate, generate, mine, mix, train
    from syneg_cli.mixing.strategies import check_strategy

    section = session.project.mix
    synthetic, retrieved = check_strategy(section.strategy).reads(section.negatives)
    retrieved = retrieved and not section.file
    needed = {"generate": synthetic, "mine": retrieved, "mix": True, "train": True, "eval": True}
    modules = {"generate": generate, "mine": mine, "mix": mix, "train": train, "eval": evaluate}
    return {name: cast("stage.Stage", module) for name, module in modules.items() if needed[name]}


def status(
    dataset: options.DatasetArgument = None,
    llm: Llm = None,
    backbone: Backbone = None,
    strategy: Strategy = None,
    ratio: Ratio = None,
    negatives: Negatives = None,
    mirror: Mirror = None,
    project: options.ProjectFile = None,
    data_dir: options.DataDir = None,
    work_dir: options.WorkDir = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    show_config: options.ShowConfig = False,
) -> None:
    from syneg_cli.cli.output import duration, money, table

    flags = _flags(dataset, data_dir, work_dir, llm, backbone, strategy, ratio, negatives, mirror)
    session = options.open_session(
        flags, project=project, as_json=as_json, quiet=quiet, show_config=show_config
    )
    loaded = session.dataset()
    states = [state(name, one, session, loaded) for name, one in stages(session).items()]
    rows = [
        [
            s.stage,
            s.state,
            s.detail,
            s.created,
            "-" if s.seconds is None else duration(s.seconds),
            "-" if s.cost is None else money(s.cost),
        ]
        for s in states
    ]
    columns = ["stage", "state", "detail", "made", "took", "cost"]
    shown = table(f"{loaded.name} in {session.work_dir}", columns, rows, right=lambda column: False)
    session.output.result({"dataset": loaded.name, "stages": [vars(s) for s in states]}, shown)


@dataclass
class State:
    stage: str
    state: str
    detail: str
    created: str = "-"
    seconds: float | None = None
    cost: float | None = None


def state(name: str, one: stage.Stage, session: Session, dataset: Dataset) -> State:
    """Whether one stage is up to date; never runs anything."""
    from syneg_cli.core.artifacts import read_manifest
    from syneg_cli.core.errors import MissingArtifact, UsageError

    try:
        plan = one.plan(session, dataset)
    except MissingArtifact as error:
        return State(name, "waits", error.message)
    except UsageError as error:
        return State(name, "not set up", f"{error.message} {error.hint or ''}".strip())
    reason = plan.stale()
    manifest = read_manifest(plan.path)
    if reason is not None or manifest is None:
        return State(name, "to do" if not plan.path.exists() else "stale", reason or "")
    where = plan.path.relative_to(session.work_dir)
    made = manifest.created[:16].replace("T", " ")
    return State(name, "up to date", str(where), made, manifest.seconds, manifest.cost_usd)

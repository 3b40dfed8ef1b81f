"""All stages of a project in a row, and where each of them stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from syneg_cli.core import Manifest, MissingArtifact, UsageError, changed_since, counted, read_manifest
from syneg_cli.data import Dataset
from syneg_cli.evaluation import MAIN_METRIC
from syneg_cli.mixing import check_strategy
from syneg_cli.report import read_results
from syneg_cli.stages.asks import Asks
from syneg_cli.stages.beginning import import_state, imported_as, wants_queries
from syneg_cli.stages.evaluate import Eval, Measured, evaluation_of
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.language_model import remembering_queries
from syneg_cli.stages.mine import mine_stages
from syneg_cli.stages.mix import Mix
from syneg_cli.stages.queries import Queries
from syneg_cli.stages.rerank import Rerank, own_retriever, reranked_of
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Performed, Stage, perform
from syneg_cli.stages.subjects import trained_here
from syneg_cli.stages.train import Train
from syneg_cli.stages.verdicts import Verdicts
from syneg_cli.stages.verify import Verify, judged_files
from syneg_cli.training import CROSS_ENCODER


def stages_of(session: Session, dataset: Dataset) -> list[Stage]:
    """The stages up to the model's evaluation; without those whose negatives the strategy does not read."""
    section = session.project.mix
    synthetic, retrieved = check_strategy(section.strategy).reads(section.negatives)
    stages: list[Stage] = [Generate(session, dataset)] if synthetic else []
    if retrieved and not section.file:
        stages += mine_stages(session, dataset)
    measured = Rerank if session.project.train.kind == CROSS_ENCODER else Eval
    return [*stages, Mix(session, dataset), Train(session, dataset), measured(session, dataset)]


def run_stages(
    session: Session, dataset: Dataset, ended: Callable[[Performed], None], *, force: bool = False
) -> tuple[list[Performed], Measured]:
    """Perform every stage, in order; at the end the backbone is measured as well.

    Args:
        ended: called with each stage as it ends.
    """
    done: list[Performed] = []
    if session.project.train.kind == CROSS_ENCODER:
        own_retriever(session)  # that there is none is said before all else
    for stage in stages_of(session, dataset):
        done.append(perform(stage, force=force))
        ended(done[-1])
    assert isinstance(stage, Eval)
    if session.project.train.kind == CROSS_ENCODER:
        alone = perform(Eval(session, dataset, own_retriever(session)), force=force)
        measured = reranked_of(stage, trained_here(session, dataset), done[-1], alone)
        return [*done, alone], measured
    evaluation = stage.exposed(evaluation_of(done[-1]))
    baseline = trained_here(session, dataset).baseline
    if baseline is None:
        return done, Measured(evaluation)
    done.append(perform(Eval(session, dataset, baseline), force=force))
    return done, Measured(evaluation, evaluation_of(done[-1]))


NOT_RUN = "not run"
LONGEST_REASON = 32
"""Letters of a reason that a table shows whole."""


@dataclass(frozen=True)
class State:
    """Where one stage stands. `seconds` are those of its last run, `cost` is of all runs (`with_costs`)."""

    stage: str
    label: str
    """As notes call it: "mine bm25"."""
    state: str
    """"up to date", "stale", "to do", "waits" for an earlier stage, "not set up"; "not run" is optional; a
    study whose runs are all measured is "done"."""
    detail: str
    created: str = "-"
    seconds: float | None = None
    cost: float | None = None
    """In US dollars, with what is in `lost`."""
    price_known: bool = True
    """Whether that is all that was paid; without, `cost` is None."""
    lost: float = 0.0
    """What answers that never came can have cost at most, in US dollars."""
    counted_with: str = ""
    """The result that shares its calls, where their cost stands."""
    path: str = ""
    """Of the result, under the work directory."""
    brief: str = ""
    """The detail in a few words, where it is long."""


def beginning_states(session: Session) -> tuple[list[State], Dataset | None]:
    """Where the import and the written queries stand that a project begins with; the data set, if any.

    Without training queries there is nothing yet that the other stages could do: they wait.
    """
    found: list[State] = []
    if session.documents:
        manifest = imported_as(session)
        state, detail = import_state(session, manifest)
        found.append(State("import", "import", state, detail, *(_last(manifest) if manifest else ())))
        if state == "to do":
            names = ("queries", *LATER) if session.project.queries.weight != 0 else LATER
            return [*found, *_waiting(names, "import")], None
    plain = session.dataset("none")
    queries = Queries(remembering_queries(session, plain), plain)
    if wants_queries(session, plain):
        found.append(_state(queries))
    elif session.workspace(plain).queries(session.project.queries.name).is_file():
        written = _state(queries)
        found.append(replace(written, detail=f"{written.detail}; not in training (--synthetic-queries)"))
    dataset = session.dataset("if there")
    if not dataset.judgements.get("train") and wants_queries(session, plain):
        return [*found, *_waiting(LATER, "queries")], dataset
    return found, dataset


LATER = ("generate", "mine", "mix", "train", "eval")


def _waiting(names: Sequence[str], what: str) -> list[State]:
    return [State(name, name, "waits", f"for {what}", brief=f"for {what}") for name in names]


def states(stages: Sequence[Stage]) -> list[State]:
    """Where every stage stands; never runs anything. What follows a stage that has to run is stale too."""
    found: list[State] = []
    for stage in stages:
        if isinstance(stage, Mix):
            found += _verdicts(stage)
        state = _state(stage)
        open_ = [one.label for one in found if one.state not in ("up to date", NOT_RUN)]
        if stage.follows and open_ and state.state == "up to date":
            state = replace(state, state="stale", detail=f"follows {', '.join(open_)}")
        if state.state == "waits" and open_:  # a mix for all it reads, else for the step before
            names = [*dict.fromkeys(one.stage for one in found if one.label in open_)]
            state = replace(state, brief=f"for {', '.join(names if isinstance(stage, Mix) else names[-1:])}")
        found.append(state)
    return found


def with_costs(session: Session, dataset: Dataset, found: Sequence[State]) -> list[State]:
    """The same with what answers and vectors cost over all runs; what several share stands at one of them."""
    places = [session.work_dir / one.path for one in found]
    rows = {row.path: row for row in read_results(session.workspace(dataset), only=places).rows}
    known = [rows.get(place) for place in places]
    return [
        one
        if row is None
        else replace(
            one,
            cost=row.usd if row.bills and row.priced else None,
            price_known=row.priced,
            counted_with=row.counted_with,
        )
        for one, row in zip(found, known, strict=True)
    ]


def _verdicts(mix: Mix) -> list[State]:
    """Where the verdicts on each file stand that the mix reads. There need not be any.

    `run` does not run `verify`, which may cost money: a mix takes the verdicts that are there.
    """
    stages = [Verdicts(mix.session, mix.dataset, file) for file in judged_files(mix)]
    if not any(stage.path.is_file() for stage in stages):
        return [State(Verify.name, Verify.name, NOT_RUN, "optional: `syneg verify`")]
    found: list[State] = []
    for stage in stages:
        state = _state(stage) if stage.path.is_file() else State(stage.name, stage.label, NOT_RUN, "optional")
        if state.state == "stale":
            state = replace(state, detail=f"{state.detail}; run `syneg verify`")
        found.append(state)
    return found


def _state(stage: Stage) -> State:
    try:
        plan = stage.plan()
    except MissingArtifact as error:
        return State(stage.name, stage.label, "waits", error.message, brief=_without_folders(error.message))
    except UsageError as error:
        brief = error.message.removeprefix(f"{stage.name}: ").rstrip(".")
        return State(stage.name, stage.label, "not set up", str(error), brief=brief)
    reason = plan.stale()
    manifest = read_manifest(plan.path)
    if manifest is None:
        so_far = stage.so_far(plan) if isinstance(stage, Asks) else ""
        state = "stale" if plan.path.exists() else "to do"
        detail = "; ".join(filter(None, (reason, so_far)))
        return State(stage.name, stage.label, state, detail, brief=so_far)
    found = State(
        stage.name,
        stage.label,
        "up to date" if reason is None else "stale" if plan.path.exists() else "to do",
        reason or ("edited since; was: " if changed_since(plan.path, manifest) else "") + _told(manifest),
    )
    if not plan.path.exists():
        return found
    created, seconds = _last(manifest)
    return replace(
        found,
        created=created,
        seconds=seconds,
        cost=manifest.cost_usd,
        lost=_lost(manifest),
        path=str(plan.path.relative_to(stage.session.work_dir)),
        brief=_brief(reason or ""),
    )


def _last(manifest: Manifest) -> tuple[str, float]:
    """When a result was made, and how many seconds that took."""
    return manifest.created[:16].replace("T", " "), manifest.seconds


def _lost(manifest: Manifest) -> float:
    """What is counted for the answers that never came of all runs for a result."""
    total = manifest.counts.get("total")
    lost = total.get("lost_usd") if isinstance(total, dict) else None
    return float(lost) if isinstance(lost, (int, float)) and 0 < lost <= (manifest.cost_usd or 0.0) else 0.0


def _brief(reason: str) -> str:
    """`endpoint changed`, where before and after are too long for a table; "" where they are not."""
    what, colon, _ = reason.partition(": ")
    return what if colon and len(reason) > LONGEST_REASON else ""


def _without_folders(message: str) -> str:
    """A message with the names of its files alone."""
    return re.sub(r"/\S*/", "", message)


def _told(manifest: Manifest) -> str:
    """What a stage made, in a few words."""
    counts = manifest.counts
    told = {
        "queries": ("queries", "query", "queries"),
        "generate": ("negatives", "negative"),
        "mine": ("negatives", "negative"),
        "mix": ("instances", "pair"),
        "train": ("steps", "step"),
    }
    if manifest.stage == Verify.name and "checked" in counts:
        checked, false = (sum(counts[name].values()) for name in ("checked", "false_negatives"))
        return f"{false} of {checked} called relevant"
    if manifest.stage == "eval" and isinstance(counts.get(MAIN_METRIC), float):
        return f"nDCG@10 {counts[MAIN_METRIC]:.4f}"
    key, *noun = told.get(manifest.stage, ("", ""))
    return counted(counts[key], *noun) if type(counts.get(key)) is int else ""

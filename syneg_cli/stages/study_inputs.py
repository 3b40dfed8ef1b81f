"""Everything that the arms of a study read, by its content: what changes between two runs is not the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from syneg_cli.core import MissingArtifact, Workspace, file_hash, read_manifest, user_path
from syneg_cli.data import Dataset
from syneg_cli.encoding import weights_hash
from syneg_cli.forecast import read_forecast
from syneg_cli.mining import run_files
from syneg_cli.mixing import check_strategy
from syneg_cli.stages.expanding import expansion_of, written_for
from syneg_cli.stages.mine import mined_path
from syneg_cli.stages.mix import Mix
from syneg_cli.stages.pilot import asked_otherwise
from syneg_cli.stages.session import Session, rewordings
from syneg_cli.stages.study_places import arm_search, arm_session
from syneg_cli.stages.verify import Verify
from syneg_cli.studies import ArmPlan


def inputs_of(session: Session, dataset: Dataset, arms: Sequence[ArmPlan]) -> dict[str, str]:
    """Role -> hash of all that the arms read, and how it is read where that is not the default."""
    split = session.project.eval.split
    found = {**dataset.inputs("train"), **dataset.inputs(split)}
    if dataset.judgements.get("dev"):
        found |= dataset.inputs("dev")
    found["backbone weights"] = weights_hash(session.project.train.backbone)
    if dataset.identical_ids != "auto":
        found["identical ids"] = dataset.identical_ids
    if dataset.cut:
        found["same document"] = dataset.same_document
    searches = (session.project.eval.search, *(arm_search(session, arm) for arm in arms))
    for search in dict.fromkeys(searches):
        if beside := expansion_of(session, dataset, search):
            found |= beside.inputs
    if dataset.given_language:
        found["language"] = dataset.given_language
    for arm in arms:
        if arm.makes == "trained":
            files = _files(session, dataset, arm)
            found |= {role: file_hash(path) for role, path in files.items() if path.is_file()}
            found |= dict(_named(session, dataset, arm))
    return found


def _files(session: Session, dataset: Dataset, arm: ArmPlan) -> dict[str, Path]:
    """Role -> the LLM data that an arm reads."""
    work = session.workspace(dataset)
    strategy, name = check_strategy(arm.settings["mix"]["strategy"]), arm.settings["generate"]["name"]
    files = {}
    if strategy.reads_synthetic or strategy.mirrors:
        files[f"synthetic negatives {name}"] = work.synthetic(name)
    if arm.judged:
        files[f"verdicts on {name}"] = work.verified(work.synthetic(name))
    if strategy.mirrors and session.project.mix.mirror:
        files["mirror queries"] = session.given(session.project.mix.mirror)
    if arm.settings["queries"]["weight"]:
        written = work.queries(session.project.queries.name)
        files |= {"LLM-written queries, all": written, "reworded queries": rewordings(written)}
    return files


def _named(session: Session, dataset: Dataset, arm: ArmPlan) -> Iterator[tuple[str, str]]:
    """(role, hash) of what else an arm reads: verdicts on what it mines, and what its settings name."""
    own = arm_session(session, session.project.study.name, arm)
    files: dict[str, Path] = {}
    if named := own.project.mix.file:
        files[f"negatives {named}"] = own.given(named)
    for miner in () if named else own.project.mine.miners:
        if arm.judged:
            path = mined_path(own.workspace(dataset), miner)
            files[f"verdicts on {path.stem}, mined"] = own.workspace(dataset).verified(path)
        files |= {f"run {file}": user_path(file) for file in run_files(miner)}
    yield from ((role, file_hash(path)) for role, path in files.items() if path.is_file())
    train = own.project.train
    for model in (own.project.mine.backbone, train.guide, train.cross_encoder):
        if model and Path(model).is_dir():
            yield f"model {model}", weights_hash(model)


def paid_for(session: Session, dataset: Dataset, arms: Sequence[ArmPlan]) -> tuple[float, bool]:
    """(US dollars, whether the price of some is not known) of the LLM data that the arms read, each once."""
    files: dict[Path, None] = {}
    for arm in arms:
        if arm.makes == "trained":
            files |= dict.fromkeys(_files(session, dataset, arm).values())
        if arm.makes == "trained" and arm.judged:
            own = arm_session(session, session.project.study.name, arm)
            mined = (mined_path(own.workspace(dataset), miner) for miner in own.project.mine.miners)
            files |= dict.fromkeys(own.workspace(dataset).verified(path) for path in mined)
        if arm_search(session, arm).reads_written:
            files[written_for(session, dataset)] = None
    bills: dict[str, float | None] = {}
    for path in filter(Path.is_file, files):
        for job, usd in _bills(path).items():
            known = bills.get(job, 0.0)
            bills[job] = None if usd is None or known is None else max(usd, known)  # totals only grow
    return sum(usd or 0.0 for usd in bills.values()), None in bills.values()


def _bills(path: Path) -> dict[str, float | None]:
    """Job -> what it cost over all runs; None where that is not known. Verdicts may have several, or none."""
    manifest = read_manifest(path)
    if manifest is None or manifest.stage != Verify.name:
        return {str(path): manifest.cost_usd if manifest else None}
    judges = manifest.counts.get("judges") or ()
    return {
        str(one["job"]): None if one["unpriced_calls"] else float(one["spent_usd"]) + float(one["lost_usd"])
        for one in judges
    }


def need_mixable(session: Session, dataset: Dataset, arms: Sequence[ArmPlan]) -> None:
    """Whether the mix of every arm will have enough synthetic negatives: asked before the first is trained.

    Raises:
        MissingArtifact: some have too few; all are named.
    """
    short: dict[tuple[str, int, int, float], list[str]] = {}
    for arm in arms:
        if arm.makes != "trained":
            continue
        own = arm_session(session, session.project.study.name, replace(arm, shuffled=False))
        read = own.dataset() if own.project.queries.weight else dataset
        if few := Mix(own, read).short():
            key = (own.project.generate.name, *few, own.project.mix.need_synthetic)
            short.setdefault(key, []).append(arm.name)
    if not short:
        return
    told = "; ".join(
        f"{', '.join(names)} ({found} of {pairs} pairs have a usable synthetic negative; {need:.0%} needed)"
        for (_, found, pairs, need), names in short.items()
    )
    named = session.named("generate.name") or len(short) > 1
    rest = session.again("generate", *(("--name", next(iter(short))[0]) if named else ()))
    raise MissingArtifact(
        f"Arms that cannot be mixed: {told}.",
        hint=f"{rest[:-1]} for the rest, leave these arms out (--arms, --primary), or allow it with "
        "--set mix.need_synthetic=0: then mined negatives fill up.",
    )


def foretold(work: Workspace, name: str) -> str:
    """What a pilot forecast of a set of synthetic negatives; "" where none can be read that was of these."""
    path, made = work.pilot(name), read_manifest(work.synthetic(name))
    piloted = read_manifest(path)
    if made is None or piloted is None or asked_otherwise(piloted, made):
        return ""
    try:
        return read_forecast(path).verdict
    except MissingArtifact:
        return ""

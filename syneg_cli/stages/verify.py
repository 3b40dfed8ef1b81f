"""verify: which negatives are relevant after all; verdicts are stored beside what they judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    MinedNegative,
    MissingArtifact,
    SyntheticNegative,
    UsageError,
    Verification,
    did_you_mean,
    file_hash,
    read_manifest,
    read_mined,
    read_synthetic,
    read_verifications,
    write_jsonl,
)
from syneg_cli.data import Dataset
from syneg_cli.generation import Estimate, estimate_each
from syneg_cli.llm import Cache, Item, Request, keyed, settled_price
from syneg_cli.mining import MINERS
from syneg_cli.stages import encoders, language_model
from syneg_cli.stages.judging import (
    JUDGEMENT_TOKENS,
    judge_bill,
    judge_job,
    judge_prompt,
    judge_settings,
    tools_of,
)
from syneg_cli.stages.mine import backbone_of
from syneg_cli.stages.mix import Mix, most_drawn
from syneg_cli.stages.request_files import Requests
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, need_place
from syneg_cli.verification import (
    CHECKS,
    Candidate,
    Check,
    Checked,
    NoVerdict,
    candidate_of,
    classify_verdict,
    first_ranked,
    judge_request,
    settled_all,
    source_of,
    unverified,
    verdicts_of,
)

WEIGHTS = "weights"
"""The setting of a check that says which model of a folder it was: one may be trained again there."""

NOTHING = (0.0, 0.0, 0.0)


class Verify(Stage):
    """Verdicts on one file of negatives. Those of earlier checks on the same file are kept.

    Args:
        check: makes the checks of a run, so that files share their models.
    """

    name = "verify"

    def __init__(
        self, session: Session, dataset: Dataset, negatives: Path, check: Callable[[str], Check]
    ) -> None:
        super().__init__(session, dataset)
        self.negatives = negatives
        self.check = check
        self.settings = self.project.verify

    @property
    def label(self) -> str:
        return f"verify {self.negatives.parent.name} {self.negatives.stem}"

    def plan(self) -> Plan:
        inputs = {**self.dataset.inputs("train"), "negatives": file_hash(self.negatives)}
        asked = {name: self.settings_of(name) for name in dict.fromkeys(self.settings.checks)}
        earlier = self._earlier_settings(inputs)
        before = earlier.get("checks", {})
        for name, found in asked.items():
            # Of an earlier version: by what is there now, as far as anyone knows.
            if WEIGHTS not in before.get(name, {WEIGHTS: ""}):
                found.pop(WEIGHTS, None)
        settings: dict[str, Any] = {"checks": before | asked}
        for key in ("effect", "agree"):  # what was decided holds until something else is asked for
            given = self.session.resolved.origins.get(f"verify.{key}", "default") != "default"
            here = getattr(self.settings, key)
            settings[key] = here if given else earlier.get(key, here)
        if self.negatives.parent.name == "mined":
            settings["per_query"] = self.per_query()
        settings["unanswered"] = 0 if "judge" in self.settings.checks else earlier.get("unanswered", 0)
        # An earlier version checked all there were: that is enough, however many a mix can draw.
        defaults = {"per_query": self.per_query(), "unanswered": 0}
        path = self.workspace.verified(self.negatives)
        return Plan(self.name, path, inputs, settings, defaults, [self.negatives])

    def prepare(self) -> None:
        if "margin" in self.settings.checks:
            encoders.fetch(self.session, backbone_of(self.session))
        if "cross-encoder" in self.settings.checks:
            self.check("cross-encoder")  # which says it where no model is named
            encoders.fetch_scorer(self.session, str(self.settings.cross_encoder))

    def run(self, plan: Plan, to: Path) -> Made:
        usable = self.usable()
        open_ = first_ranked(usable, self.per_query())
        candidates = [candidate_of(negative, self.dataset) for negative in open_]
        verdicts = verdicts_of(self.settings.checks, self.check, candidates)
        found = settled_all(
            open_,
            verdicts,
            plan.settings["effect"],
            all_agree=plan.settings["agree"] == "all",
            earlier=self._earlier(plan),
        )
        checked = [
            Checked(
                candidate,
                one,
                {name: no.why for name, given in verdicts.items() if isinstance(no := given[at], NoVerdict)},
                tuple(verdicts),
            )
            for at, (candidate, one) in enumerate(zip(candidates, found, strict=True))
        ]
        write_jsonl(to, found)
        left_out = Counter(map(source_of, usable)) - Counter(map(source_of, open_))
        more = {"left_out": dict(left_out), "effect": plan.settings["effect"]}
        more["margin"] = plan.settings["checks"].get("margin", {}).get("margin")
        more["judges"] = self._judges(plan)
        more["vectors"] = self._vectors(plan)
        given = [one for every in verdicts.values() for one in every if isinstance(one, NoVerdict)]
        open_calls = sum(one.later for one in given)
        more["unanswered"] = open_calls or plan.settings["unanswered"]
        return Made(_counts(checked) | more, checked, found={"unanswered": more["unanswered"]})

    def _judges(self, plan: Plan) -> list[dict[str, Any]]:
        """Who judged the file, now and before, and what their calls cost over all runs, for whichever file.

        The calls of a run that was stopped count, too, so the totals are those of the job.
        """
        before = read_manifest(plan.path)
        told = before.counts.get("judges") if before else None
        found = {one["job"]: one for one in told or () if isinstance(one, dict) and "job" in one}
        if "judge" in self.settings.checks:
            found[judge_job(self.session, self.dataset)] = judge_bill(self.session, self.dataset)
        return list(found.values())

    def _vectors(self, plan: Plan) -> list[dict[str, Any]]:
        """What the vectors of the margin check cost, of this run or the last that made it."""
        if "margin" in self.settings.checks:
            return encoders.bills(self.session, self.dataset, backbone_of(self.session))
        before = read_manifest(plan.path)
        told = before.counts.get("vectors") if before and "margin" in plan.settings["checks"] else None
        return told if isinstance(told, list) else []

    def usable(self) -> list[SyntheticNegative | MinedNegative]:
        return [negative for negative in self.read() if negative.status == "ok"]

    def candidates(self) -> list[Candidate]:
        """What is checked of the file."""
        return [candidate_of(n, self.dataset) for n in first_ranked(self.usable(), self.per_query())]

    def per_query(self) -> int:
        """How many mined negatives of a query are checked: no mix draws more for a pair."""
        return self.settings.per_query or most_drawn(self.project)

    def read(self) -> Sequence[SyntheticNegative | MinedNegative]:
        """The negatives of the file, as they were made."""
        if self.negatives.parent.name == "synthetic":
            return [
                unverified(negative) for negative in read_synthetic(self.negatives, known=self.dataset.known)
            ]
        return [unverified(negative) for negative in read_mined(self.negatives, known=self.dataset.known)]

    def settings_of(self, check: str) -> dict[str, Any]:
        """What the verdicts of a check depend on, beside data and negatives."""
        if check == "judge":
            return judge_settings(self.session, self.dataset)
        if check == "margin":
            backbone = backbone_of(self.session)
            decides = {"backbone": encoders.identity(self.session, backbone), "margin": self.settings.margin}
            return decides | encoders.settings_of(self.session, backbone)
        return {"model": self.settings.cross_encoder} | encoders.weights_of(
            WEIGHTS, self.settings.cross_encoder
        )

    def _earlier_settings(self, inputs: dict[str, str]) -> dict[str, Any]:
        """Those of the checks before, as long as the same negatives of the same data are judged."""
        manifest = read_manifest(self.workspace.verified(self.negatives))
        if manifest is None or manifest.inputs != inputs:
            return {}
        if manifest.settings.get("per_query", self.per_query()) < self.per_query():
            return {}
        return dict(manifest.settings)

    def _earlier(self, plan: Plan) -> dict[Any, Verification]:
        if set(plan.settings["checks"]) == set(self.settings.checks) or not plan.path.is_file():
            return {}
        return {(v.query_id, v.doc_id, v.index): v for v in read_verifications(plan.path)}


def verify_stages(
    session: Session, dataset: Dataset, *, unsent: str = "", again: bool = False
) -> list[Verify]:
    """A stage for each file of negatives that the settings name; they share the models of the checks.

    Args:
        unsent: why the judge is asked nothing, and stored answers alone count; "" where it is asked.
        again: ask the judge again where its answer broke off or cannot be read.

    Raises:
        MissingArtifact: there are no negatives of the sources asked for.
    """
    tools = tools_of(session, dataset, unsent=unsent, again=again)
    check = cache(lambda name: CHECKS[name](tools))
    files = negative_files(session, dataset)
    return [Verify(session, dataset, file, check) for file in files]


def negative_files(session: Session, dataset: Dataset) -> list[Path]:
    """The files of negatives that [verify] names by their sources; all there are without any."""
    workspace, wanted = session.workspace(dataset), session.project.verify.sources
    written = workspace.synthetic(session.project.generate.name)
    files = [written] if written.is_file() else []
    files += sorted(workspace.mined("x").parent.glob("*.jsonl"))
    there = {"synthetic" if path == written else path.stem: path for path in files}
    found = [there[name] for name in there if name in wanted] if wanted else _mixed(files, session, dataset)
    lacking = [name for name in wanted if name not in there]
    if not found or lacking:
        what = f"negatives of the source {', '.join(lacking)}" if lacking else "negatives"
        others = f"There are: {', '.join(there)} (--source)." if there else ""
        meant = did_you_mean(lacking[0], [*there, *MINERS]) if lacking else ""
        first = f"{session.again('generate').rstrip('.')}, or {session.again('mine').removeprefix('Run ')}"
        hint = others if meant and others else f"{first} {others}".strip()
        raise MissingArtifact(f"There are no {what} for {dataset.name} to verify.{meant}", hint=hint)
    return found


def _mixed(files: list[Path], session: Session, dataset: Dataset) -> list[Path]:
    """Those that the mix of the settings reads, if there are any; says which ones it does not.

    Where it reads mined negatives and those of no chosen miner are there yet, all mined ones may be meant.
    """
    read = judged_files(Mix(session, dataset))
    kinds = {path.parent for path in read}
    kept = [file for file in files if file in read]
    if not {file.parent.name for file in kept} >= {"mined"}:
        kept += [file for file in files if file.parent.name == "mined" and file.parent in kinds]
    for file in files if kept else []:
        if file not in kept:
            mix = f"a {session.project.mix.strategy} mix reads none of it"
            why = "[mine] miners does not name it" if file.parent in kinds else mix
            name = "synthetic" if file.parent.name == "synthetic" else file.stem
            session.progress.note(f"{file.stem} is not checked: {why} (--source {name} checks it)")
    return kept or files


def judged_files(mix: Mix) -> list[Path]:
    """The negatives that a mix reads and `verify` can check: not those of other tools, nor own queries."""
    return [s.path for role, s in mix.sources().items() if role not in ("mirror", "imported")]


def estimate_judge(session: Session, dataset: Dataset, *, again: bool = False) -> Estimate:
    """What the judge's calls on all files would need, nothing where no judge is asked; nothing is sent.

    Raises:
        MissingArtifact: there are no negatives of the sources asked for.
    """
    if "judge" not in session.project.verify.checks:
        return Estimate(0, 0, 0, NOTHING, NOTHING, NOTHING, 0)
    prompt = judge_prompt(session)
    llm = language_model.open_model(session, language_model.llm_spec(session, "verify"))
    requests = _judge_requests(session, dataset, verify_stages(session, dataset))
    price = settled_price(session.project.generate, llm)
    with language_model.open_cache(session) as cache:
        out = JUDGEMENT_TOKENS
        return estimate_each(requests, llm, cache, price, prompt=prompt.name, out=out, again=again)


def judge_requests(session: Session, dataset: Dataset, *, again: bool = False) -> Requests:
    """All that the judge is asked about all files, for whoever sends it.

    Raises:
        UsageError: no judge is asked, or its verdicts could not be put in their place.
        MissingArtifact: there are no negatives of the sources asked for.
    """
    if "judge" not in session.project.verify.checks:
        asked = ", ".join(session.project.verify.checks)
        raise UsageError(
            f"Files of requests are for the judge, and --check names {asked}.", hint="Add --check judge."
        )
    stages = verify_stages(session, dataset)
    for stage in stages:
        need_place(stage, stage.plan())
    llm = language_model.open_model(session, language_model.llm_spec(session, "verify"))

    def items(cache: Cache, again: bool) -> Iterator[list[Item]]:
        return keyed(_judge_requests(session, dataset, stages), llm)

    return Requests(session, llm, judge_job(session, dataset), items, classify_verdict, again)


def _judge_requests(session: Session, dataset: Dataset, stages: Sequence[Verify]) -> Iterator[Request]:
    prompt, seed = judge_prompt(session), session.project.generate.seed
    for stage in stages:
        for candidate in stage.candidates():
            yield judge_request(prompt, dataset, candidate, seed)


def _counts(checked: Sequence[Checked]) -> dict[str, Any]:
    sources = Counter(one.candidate.source for one in checked)
    unquoted = Counter(one.candidate.source for one in checked if one.found.unquoted)
    flagged = Counter(one.candidate.source for one in checked if one.found.reason)
    return {
        "checked": dict(sources),
        "false_negatives": {source: flagged[source] for source in sources},
        "relevant_by": {
            name: dict(Counter(one.candidate.source for one in checked if name in one.found.relevant_by))
            for name in sorted({name for one in checked for name in one.found.scores})
        },
        "quote_not_found": {source: unquoted[source] for source in sources},
        "no_opinion": dict(Counter(name for one in checked for name in one.no_opinion)),
        "why_no_opinion": {
            name: dict(Counter(one.no_opinion[name] for one in checked if name in one.no_opinion))
            for name in sorted({name for one in checked for name in one.no_opinion})
        },
        "status": dict(Counter(one.found.status for one in checked)),
    }

"""generate --pilot: a few of the negatives, and what can be said of all before they are paid for.

The pairs are asked as `generate` asks them, with the same keys, caps and job: the whole job later
finds their answers in the cache.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    BudgetExceeded,
    Manifest,
    MinedNegative,
    Pair,
    SynegError,
    SyntheticNegative,
    counted,
    digest,
    listed,
    world,
    write_text,
)
from syneg_cli.data import Dataset
from syneg_cli.forecast import PER_QUERY, Forecast, draw_mined, forecast_of, scored
from syneg_cli.generation import Estimate, Outcome, estimate, estimate_each, read_negatives, recall
from syneg_cli.llm import RAISE_CAP, Stats, settled_price
from syneg_cli.mining import MinedNegatives, Selection, Setup, mine_negatives, uses_encoder
from syneg_cli.stages import encoders, language_model
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.judging import JUDGEMENT_TOKENS, judge_of, judge_prompt, judge_settings
from syneg_cli.stages.mine import Mine, backbone_of, mined_path, setup_of
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan
from syneg_cli.verification import Place, Verdict, candidate_of, judge_request, place_of, verdicts_of

PARTS = ("limit", "shard")
"""Settings of `generate` that say how many answers there are, not what they are like."""


def asked_otherwise(piloted: Manifest, made: Manifest) -> list[str]:
    """In what a pilot did not ask as the whole set was asked: the model, the prompt, data, settings."""
    asked = {**piloted.settings, **piloted.inputs}
    wanted = {**made.settings, **made.inputs}
    return [key for key, value in wanted.items() if key not in PARTS and asked.get(key) != value]


class Pilot(Generate):
    """The forecast for a job of `generate`, from a part of its pairs.

    Args:
        count: how many pairs are asked, drawn at random; of more there is only a longer list.
        judge: whether a model judges the negatives; also where [verify] names the judge.
    """

    name = "pilot"

    def __init__(
        self, session: Session, dataset: Dataset, count: int, *, judge: bool = False, again: bool = False
    ) -> None:
        super().__init__(session, dataset, again=again)
        self.count = count
        named = session.resolved.origins.get("verify.checks", "default") != "default"
        self.judge = judge or (named and "judge" in self.project.verify.checks)
        self.mine = Mine(session, self.dataset, self._miner())
        self._seconds = 0.0

    def plan(self) -> Plan:
        plan, mine, backbone = super().plan(), self.mine.plan(), backbone_of(self.session)
        inputs = {**plan.inputs, **{f"mine: {role}": hashed for role, hashed in mine.inputs.items()}}
        inputs["backbone"] = encoders.identity(self.session, backbone)
        settings = {
            **plan.settings,
            **encoders.settings_of(self.session, backbone),
            "pairs": self.count,
            "mine": dict(mine.settings),
            "margin": self.project.verify.margin,
            "need_synthetic": self.project.mix.need_synthetic,
            "judge": judge_settings(self.session, self.dataset) if self.judge else None,
        }
        return replace(plan, path=self.workspace.pilot(self.full_name), inputs=inputs, settings=settings)

    def prepare(self) -> None:
        encoders.fetch(self.session, backbone_of(self.session))

    def pairs(self) -> list[Pair]:
        """The pairs of the pilot: those whose names draw the smallest numbers, in the order of all.

        A larger pilot asks about those of a smaller one, too.
        """
        every = super().pairs()
        seed = self.settings.seed
        drawn = {pair: digest(listed(seed, "pilot", pair.query_id, pair.doc_id)) for pair in every}
        chosen = set(sorted(drawn, key=lambda pair: drawn[pair])[: self.count])
        return [pair for pair in every if pair in chosen]

    def share(self, plan: Plan) -> None:
        if self.count > (there := len(super().pairs())):
            self.session.progress.note(f"pilot: there are only {counted(there, 'pair')}, and all are asked")
        started = time.monotonic()
        super().share(plan)
        self._seconds = time.monotonic() - started

    def run(self, plan: Plan, to: Path) -> Made:
        generator, outcome = self._answered
        pairs, price = self.pairs(), settled_price(self.settings, generator.llm)
        with language_model.open_cache(self.session) as cache:
            recall(generator, pairs, cache, outcome.keys)
            counters: dict[str, Any] = {"counts": outcome.negatives, "unusable": outcome.unusable}
            counters["shared"] = outcome.shared
            read = [*read_negatives(generator, pairs, outcome.keys, cache, **counters)]
            left = estimate(generator, super().pairs(), cache, price)
        if error := self._no_forecast(plan, outcome):
            raise error
        self.tell(outcome)
        judged: list[Stats] = []
        forecast = self._forecast(plan, [one for one in read if one.status == "ok"], pairs, judged)
        with language_model.open_cache(self.session) as cache:
            totals = cache.totals(self.job(plan))
        if world().leads:
            write_text(to, json.dumps(forecast.as_json(), indent=2, ensure_ascii=False) + "\n")
        calls = outcome.stats.calls
        counts = {
            **outcome.as_json(),
            "without_candidate": outcome.stats.no_candidate,
            "total": asdict(totals),
            "judge": language_model.used(judged),
            "vectors": encoders.bills(self.session, self.dataset, backbone_of(self.session)),
            "forecast": forecast.as_json(),
            "whole_job": {
                "pairs": left.pairs,
                "calls": left.calls,
                "cost_usd": left.cost,
                "seconds": self._seconds * left.calls / max(1, calls) if calls or not left.calls else None,
            },
        }
        cost = None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd
        unanswered = outcome.unanswered + sum(stats.left for stats in judged)
        return Made(counts, cost_usd=cost, found={"unanswered": unanswered})

    def _no_forecast(self, plan: Plan, outcome: Outcome) -> SynegError | None:
        """Why nothing can be forecast: a cap was reached, or there is no negative to look at."""
        if outcome.stopped is not None:
            told = f"No forecast yet: {outcome.answered} of {len(outcome.keys)} pairs are answered, and kept."
            return BudgetExceeded(f"{outcome.stopped.message} {told}", hint=RAISE_CAP)
        return None if outcome.usable else self._error(plan, outcome, written=False)

    def estimate_judge(self) -> Estimate | None:
        """What a judge is asked on top of it, at most; None where there is none.

        What is not written yet has a stand-in, and so have mined negatives that an encoder would look for.
        """
        if not self.judge:
            return None
        generator, pairs, prompt = self.generator(), self.pairs(), judge_prompt(self.session)
        keys: list[str | None] = [None] * len(pairs)
        with language_model.open_cache(self.session) as cache:
            recall(generator, pairs, cache, keys)
            read = read_negatives(generator, pairs, keys, cache, counts=Counter())
            synthetic = [one for one in read if one.status == "ok"]
            places = zip(pairs, keys, strict=True)
            lacking = [pair for pair, key in places if key is None and not generator.lacks(pair)]
            synthetic += [self._stand_in(pair, n) for pair in lacking for n in range(1, self.settings.n + 1)]
            mined = self._stand_ins(pairs) if uses_encoder(self.mine.miner) else self._mined(pairs).negatives
            negatives = _to_judge(synthetic, draw_mined(mined, self.project.mine.seed))
            asked, seed = (candidate_of(one, self.dataset) for one in negatives), self.settings.seed
            requests = (judge_request(prompt, self.dataset, one, seed) for one in asked)
            price = settled_price(self.settings, generator.llm)
            return estimate_each(
                requests, generator.llm, cache, price, prompt=prompt.name, out=JUDGEMENT_TOKENS
            )

    def _stand_in(self, pair: Pair, number: int) -> SyntheticNegative:
        """A negative about as long as one that is written."""
        text = f"{self.dataset.corpus[pair.doc_id].text} {number}"
        return SyntheticNegative(pair.query_id, pair.doc_id, number, "", text, prompt="", llm="", key="")

    def _stand_ins(self, pairs: Sequence[Pair]) -> list[MinedNegative]:
        """Any documents, in the place of those that a miner finds."""
        corpus, miner = self.dataset.corpus, self.mine.miner
        found = dict.fromkeys(
            (pair.query_id, corpus.ids[(corpus.row(pair.doc_id) + step) % len(corpus.ids)])
            for pair in pairs
            for step in range(1, min(PER_QUERY, len(corpus.ids) - 1) + 1)
        )
        return [MinedNegative(query_id, doc_id, miner, 1, 0.0) for query_id, doc_id in found]

    def _mined(self, pairs: Sequence[Pair], setup: Setup | None = None) -> MinedNegatives:
        """The miner's negatives of the pairs' queries."""
        return mine_negatives(
            self.dataset,
            [self.mine.miner],
            setup=setup or setup_of(self.session, self.dataset),
            selection=Selection.of(self.project.mine),
            queries=list(dict.fromkeys(pair.query_id for pair in pairs)),
        )[0]

    def _forecast(
        self,
        plan: Plan,
        synthetic: Sequence[SyntheticNegative],
        pairs: Sequence[Pair],
        judged: list[Stats],
    ) -> Forecast:
        """Mined negatives of the same queries, the judge where one was asked for, and all measures.

        Args:
            judged: gets what the judge's calls took.
        """
        setup, dataset = setup_of(self.session, self.dataset), self.dataset
        found = self._mined(pairs, setup)
        mined = draw_mined(found.negatives, self.project.mine.seed)
        relevant = self._judged(plan, _to_judge(synthetic, mined), judged) if self.judge else {}
        ours, theirs = scored(
            dataset,
            setup.encoder,
            synthetic,
            mined,
            relevant,
            whole_corpus=uses_encoder(self.mine.miner),
            progress=self.session.progress,
        )
        return forecast_of(
            ours,
            theirs,
            pairs=len(pairs),
            pairs_with=len({(one.query_id, one.positive_id) for one in synthetic}),
            miner=self.mine.miner,
            backbone=backbone_of(self.session),
            margin=self.project.verify.margin,
            need_synthetic=self.project.mix.need_synthetic,
            notes=found.notes,
        )

    def _judged(
        self, plan: Plan, negatives: Sequence[SyntheticNegative | MinedNegative], used: list[Stats]
    ) -> dict[Place, bool]:
        """What the judge says; its calls are of the same job, so that the caps hold for both together."""
        check = judge_of(self.session, self.dataset, job=self.job(plan), used=used, again=self.again)
        candidates = [candidate_of(one, self.dataset) for one in negatives]
        verdicts = verdicts_of(["judge"], lambda name: check, candidates)["judge"]
        return {
            place_of(one): verdict.relevant
            for one, verdict in zip(negatives, verdicts, strict=True)
            if isinstance(verdict, Verdict)
        }

    def _miner(self) -> str:
        """The project's first miner; BM25 where it needs a backbone, and none was named or used yet."""
        miner, origins = self.project.mine.miners[0], self.session.resolved.origins
        named = any(key in origins for key in ("mine.backbone", "train.backbone"))
        if named or not uses_encoder(miner) or mined_path(self.workspace, miner).is_file():
            return miner
        self.session.progress.note(
            "pilot: no backbone is named, so mined negatives are BM25's and similarities those of "
            f"{backbone_of(self.session)}, the default (--set train.backbone=NAME)"
        )
        return "bm25"


def _to_judge(
    synthetic: Sequence[SyntheticNegative], mined: Sequence[MinedNegative]
) -> list[SyntheticNegative | MinedNegative]:
    """The synthetic negatives, and as many mined ones of each query."""
    wanted = Counter(one.query_id for one in synthetic)
    negatives: list[SyntheticNegative | MinedNegative] = [*synthetic]
    for one in mined:
        if wanted[one.query_id] > 0:
            wanted[one.query_id] -= 1
            negatives.append(one)
    return negatives

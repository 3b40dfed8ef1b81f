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
from syneg_cli.forecast import Forecast, draw_mined, forecast_of, scored
from syneg_cli.generation import Outcome, estimate, read_negatives, recall
from syneg_cli.llm import Stats, settled_price
from syneg_cli.mining import Selection, mine_negatives, uses_encoder
from syneg_cli.stages import encoders, language_model
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.judging import judge_bill, judge_job, judge_of, judge_settings
from syneg_cli.stages.mine import Mine, backbone_of, mined_path, setup_of
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan
from syneg_cli.verification import Place, Verdict, candidate_of, place_of, verdicts_of


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
            totals = cache.totals(self.job(plan))
            left = estimate(generator, super().pairs(), cache, price)
        if error := self._no_forecast(plan, outcome):
            raise error
        self.tell(outcome)
        judged: list[Stats] = []
        forecast = self._forecast([one for one in read if one.status == "ok"], pairs, judged)
        if world().leads:
            write_text(to, json.dumps(forecast.as_json(), indent=2, ensure_ascii=False) + "\n")
        calls = outcome.stats.calls
        counts = {
            **outcome.as_json(),
            "without_candidate": outcome.stats.no_candidate,
            "total": asdict(totals),
            "judge": language_model.used(judged),
            "judges": [judge_bill(self.session, self.dataset)] if self.judge else [],
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
            hint = "Raise the cap and run the same command again: nothing is paid twice."
            return BudgetExceeded(f"{outcome.stopped.message} {told}", hint=hint)
        return None if outcome.usable else self._error(plan, outcome, written=False)

    def _forecast(
        self, synthetic: Sequence[SyntheticNegative], pairs: Sequence[Pair], judged: list[Stats]
    ) -> Forecast:
        """Mined negatives of the same queries, the judge where one was asked for, and all measures.

        Args:
            judged: gets what the judge's calls took.
        """
        setup, dataset = setup_of(self.session, self.dataset), self.dataset
        query_ids = list(dict.fromkeys(pair.query_id for pair in pairs))
        selection = Selection.of(self.project.mine)
        found = mine_negatives(
            dataset, [self.mine.miner], setup=setup, selection=selection, queries=query_ids
        )
        mined = draw_mined(found[0].negatives, self.project.mine.seed)
        relevant = self._judged(synthetic, mined, judged) if self.judge else {}
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
            notes=found[0].notes,
        )

    def _judged(
        self, synthetic: Sequence[SyntheticNegative], mined: Sequence[MinedNegative], used: list[Stats]
    ) -> dict[Place, bool]:
        """What the judge says of the synthetic negatives, and of as many mined ones of each query."""
        wanted = Counter(one.query_id for one in synthetic)
        negatives: list[SyntheticNegative | MinedNegative] = [*synthetic]
        for one in mined:
            if wanted[one.query_id] > 0:
                wanted[one.query_id] -= 1
                negatives.append(one)
        job = judge_job(self.session, self.dataset)
        check = judge_of(self.session, self.dataset, job=job, used=used)
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

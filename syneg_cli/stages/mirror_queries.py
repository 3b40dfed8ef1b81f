"""mirror-queries: a query of its own for each negative that was written earlier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from syneg_cli.core import LLMError, SyntheticNegative, content_hash, file_hash, read_synthetic, write_jsonl
from syneg_cli.data import Dataset
from syneg_cli.generation import OwnQueries, OwnQuery, Prompt, mirror_queries
from syneg_cli.llm import Cache, Item, Stats, keyed
from syneg_cli.stages import language_model
from syneg_cli.stages.request_files import Requests
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, need_place


@dataclass(frozen=True)
class MirroredQueries:
    """What was asked and found, for people."""

    counts: dict[str, Any]
    path: Path


class MirrorQueries(Stage):
    """The mirror file of the synthetic negatives, beside them."""

    name = "mirror-queries"
    shared = True

    def __init__(self, session: Session, dataset: Dataset, prompt: Prompt) -> None:
        super().__init__(session, dataset)
        self.prompt, self.unsent = prompt, ""
        self.settings = self.project.generate
        self._asked: tuple[list[SyntheticNegative], OwnQueries, Stats]
        self._cost: float | None
        self.source = self.workspace.synthetic(self.settings.name)

    def plan(self) -> Plan:
        hint = f"{self.session.again('generate')} It makes the negatives that need queries."
        read_synthetic(self.source, hint=hint)
        inputs = {"negatives": file_hash(self.source), "prompt": content_hash(self.prompt.source)}
        settings = {
            "llm": language_model.llm_spec(self.session, "generate"),
            "prompt": self.prompt.name,
            "temperature": self.settings.temperature,
            "seed": self.settings.seed,
        }
        path = self.workspace.synthetic(f"{self.settings.name}.mirror")
        return Plan(self.name, path, inputs, settings, reads=[self.source])

    def share(self, plan: Plan) -> None:
        negatives = read_synthetic(self.source, known=self.dataset.known)
        llm, job = language_model.open_model(self.session, plan.settings["llm"]), self._job(plan)
        with language_model.open_cache(self.session) as cache:
            engine = language_model.open_engine(self.session, llm, cache, job=job, unsent=self.unsent)
            watch = self.session.watch("queries", engine.limits.max_cost, "negatives")
            with language_model.asking(self.session, "generate"), watch as tick:
                found = mirror_queries(negatives, self._asker, engine, tick=tick)
            totals = cache.totals(job)
        self._cost = None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd
        self._asked = negatives, found, engine.stats

    def requests(self) -> Requests:
        """All that is asked, for whoever sends it; what comes of it can be put in its place."""
        plan = self.plan()
        need_place(self, plan)
        llm = language_model.open_model(self.session, plan.settings["llm"])
        asked = [one for one in read_synthetic(self.source, known=self.dataset.known) if one.status == "ok"]

        def items(cache: Cache, again: bool) -> Iterator[list[Item]]:
            return keyed(map(self._asker.request, asked), llm)

        return Requests(self.session, llm, self._job(plan), items, self._asker.classify)

    @cached_property
    def _asker(self) -> OwnQuery:
        section = self.settings
        return OwnQuery(self.dataset, self.prompt, section.temperature, section.seed, section.structured)

    def _job(self, plan: Plan) -> str:
        return content_hash([self.dataset.name, dict(plan.inputs), dict(plan.settings)])[:16]

    def run(self, plan: Plan, to: Path) -> Made:
        negatives, found, stats = self._asked
        if negatives and not found.rows:
            dropped = ", ".join(f"{count} {why}" for why, count in found.dropped.items())
            said = "; ".join(stats.said.values()) or dropped
            raise LLMError(
                f"None of {len(negatives)} negatives got a query of its own: {said}.",
                hint="Nothing is written. Look at the answers with `syneg cache list`.",
            )
        write_jsonl(to, found.rows)
        counts: dict[str, Any] = {
            "negatives": len(negatives),
            "queries": len(found.rows),
            "from_cache": stats.from_cache,
            "misses": stats.misses,
            "calls": stats.calls,
            "dropped": dict(found.dropped),
            "cost_usd": None if stats.unpriced else stats.cost_usd,
        }
        return Made(counts, MirroredQueries(counts, plan.path), self._cost)

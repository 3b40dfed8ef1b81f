"""generate: LLM-written negatives for every training pair, from what the cache has not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    MissingArtifact,
    Pair,
    content_hash,
    file_hash,
    read_manifest,
    read_mined,
    write_negatives,
)
from syneg_cli.data import EARLIER_DOMAIN, Dataset, has_preset
from syneg_cli.generation import (
    NEGATIVES,
    Asking,
    Estimate,
    Generator,
    Prompt,
    candidates_of,
    estimate,
    load_prompt,
    read_negatives,
    recall,
)
from syneg_cli.llm import LLM, settled_price
from syneg_cli.stages import language_model
from syneg_cli.stages.asks import Asks, shard_of
from syneg_cli.stages.mine import mined_path
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan


class Generate(Asks):
    """Negatives for the pairs of the training split."""

    name = "generate"

    def __init__(self, session: Session, dataset: Dataset, *, again: bool = False) -> None:
        super().__init__(session, dataset, again=again)
        self.settings = self.project.generate
        self.dataset = self._as_begun(dataset)

    @property
    def result_name(self) -> str:
        return self.settings.name

    def plan(self) -> Plan:
        prompt = self.prompt()
        of_model, who = self.model_plan()
        inputs = {
            **self.dataset.inputs("train"),
            "prompt": content_hash(prompt.source),
            "relevance": content_hash(self.dataset.relevance),
            "attribute pools": _pools(self.dataset, prompt),
            **of_model,
        }
        reads = [self._candidate_file()] if prompt.needs_candidates else []
        if reads:
            inputs["mined candidates"] = file_hash(reads[0])
        settings = {**self.settings.deciding(), **who, "prompt": prompt.name}
        del settings["base_url"]  # `endpoint` is what it leads to
        return Plan(self.name, self._path(), inputs, settings, reads=reads)

    def run(self, plan: Plan, to: Path) -> Made:
        generator, outcome = self._answered
        with language_model.open_cache(self.session) as cache:
            recall(generator, self.pairs(), cache, outcome.keys)
            counters: dict[str, Any] = {"counts": outcome.negatives, "unusable": outcome.unusable}
            counters["shared"] = outcome.shared
            write_negatives(to, read_negatives(generator, self.pairs(), outcome.keys, cache, **counters))
            totals = cache.totals(self.job(plan))
        self.tell(outcome)
        return self.made(plan, outcome, totals, {"without_candidate": outcome.stats.no_candidate})

    def estimate(self) -> Estimate:
        generator = self.generator()
        with language_model.open_cache(self.session) as cache:
            self.tell_of_other_servers(cache, generator)
            price = settled_price(self.settings, generator.llm)
            return estimate(generator, self.pairs(), cache, price, again=self.again)

    def pairs(self) -> list[Pair]:
        """The training pairs that are asked for.

        Raises:
            UsageError: the part of `shard` is empty.
        """
        pairs, section = self.dataset.pairs("train"), self.settings
        return self.part(pairs, shard=section.shard, limit=section.limit)

    def prompt(self) -> Prompt:
        return load_prompt(self.settings.prompt, self.session.resolved.folder, kind=NEGATIVES)

    def generator(self, llm: LLM | None = None) -> Generator:
        prompt = self.prompt()
        return Generator(
            self.dataset,
            prompt,
            llm or language_model.open_model(self.session, language_model.llm_spec(self.session, "generate")),
            Asking.of(self.settings),
            self._candidates() if prompt.needs_candidates else None,
        )

    def _path(self) -> Path:
        return self.workspace.synthetic(self.full_name)

    @property
    def full_name(self) -> str:
        """The name with the part that is asked for."""
        return f"{self.settings.name}{shard_of(self.settings.shard)}"

    def _as_begun(self, dataset: Dataset) -> Dataset:
        """With the general domains of 0.1 where the result was begun with them: nothing is paid for twice."""
        manifest = read_manifest(self._path())
        if manifest is None or has_preset(dataset.name) or self.project.dataset.attributes.domain:
            return dataset
        earlier = replace(dataset, attributes={**dataset.attributes, "domain": EARLIER_DOMAIN})
        begun = manifest.inputs.get("attribute pools") == _pools(earlier, self.prompt())
        return earlier if begun else dataset

    def _candidate_file(self) -> Path:
        """The mined negatives that a rewriting prompt starts from: those of the first miner that ran."""
        for miner in self.project.mine.miners:
            if (path := mined_path(self.workspace, miner)).is_file():
                return path
        raise MissingArtifact(
            f"{self.settings.prompt!r} rewrites mined negatives, and {self.dataset.name} has none.",
            hint=self.session.again("mine"),
        )

    def _candidates(self) -> dict[str, list[str]]:
        """Query id -> texts of its best-ranked mined negatives."""
        return candidates_of(
            read_mined(self._candidate_file(), known=self.dataset.known), self.dataset, self.settings.n
        )


def _pools(dataset: Dataset, prompt: Prompt) -> str:
    """The hash of what the prompt's attributes are drawn from."""
    return content_hash({name: dataset.attributes[name] for name in prompt.attributes})

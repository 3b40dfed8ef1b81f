"""generate: LLM-written negatives for every training pair, from what the cache has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    BudgetExceeded,
    LLMError,
    LLMSetupError,
    MissingArtifact,
    Pair,
    SynegError,
    UsageError,
    content_hash,
    counted,
    file_hash,
    is_damaged,
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
    Outcome,
    Prompt,
    candidates_of,
    estimate,
    fill,
    load_prompt,
    read_negatives,
    recall,
    select_pairs,
)
from syneg_cli.llm import LLM, Cache, Engine, Totals, cache_exchange, settled_price, split_spec
from syneg_cli.stages import language_model
from syneg_cli.stages.mine import mined_path
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage


@dataclass(frozen=True)
class Generated:
    """What a run did, for people: its counts, and the totals of the job over all runs."""

    counts: dict[str, Any]
    totals: Totals
    path: Path


class Generate(Stage):
    """Negatives for the pairs of the training split.

    Args:
        again: ask again for answers that could not be used.
    """

    name = "generate"
    shared = True
    named_by = "--name"

    def __init__(self, session: Session, dataset: Dataset, *, again: bool = False) -> None:
        super().__init__(session, dataset)
        self.again = again
        self._answered: tuple[Generator, Outcome]
        self.settings = self.project.generate
        self.dataset = self._as_begun(dataset)

    def plan(self) -> Plan:
        spec = language_model.llm_spec(self.session, "generate")
        provider, model = split_spec(spec)
        prompt = self.prompt()
        inputs = {
            **self.dataset.inputs("train"),
            "prompt": content_hash(prompt.source),
            "relevance": content_hash(self.dataset.relevance),
            "attribute pools": _pools(self.dataset, prompt),
        }
        if provider == "replay":
            inputs["recorded answers"] = language_model.open_model(self.session, spec).identity()["model"]
            spec = f"replay:{Path(model).name}"
        reads = [self._candidate_file()] if prompt.needs_candidates else []
        if reads:
            inputs["mined candidates"] = file_hash(reads[0])
        settings = {
            **self.settings.deciding(),
            "llm": spec,
            "endpoint": language_model.endpoint(self.settings.base_url, provider),
            "prompt": prompt.name,
            "unanswered": 0,
        }
        del settings["base_url"]  # `endpoint` is what it leads to
        return Plan(self.name, self._path(), inputs, settings, reads=reads)

    def share(self, plan: Plan) -> None:
        """Bring the answers into the cache; what several processes ask for they ask once."""
        with language_model.open_cache(self.session) as cache:
            generator = self.generator()
            job = job_of(self, plan)
            engine = language_model.open_engine(self.session, generator.llm, cache, job=job, again=self.again)
            self._tell_of_other_servers(cache, generator)
            keys, stopped = self._fill(generator, self.pairs(), engine)
        self._answered = generator, Outcome(engine.stats, keys, Counter(), Counter(), stopped)

    def run(self, plan: Plan, to: Path) -> Made:
        generator, outcome = self._answered
        with language_model.open_cache(self.session) as cache:
            recall(generator, self.pairs(), cache, outcome.keys)
            counters: dict[str, Any] = {"counts": outcome.negatives, "unusable": outcome.unusable}
            counters["shared"] = outcome.shared
            write_negatives(to, read_negatives(generator, self.pairs(), outcome.keys, cache, **counters))
            written = _is_no_worse(outcome, plan.path)
            totals = cache.totals(job_of(self, plan))
        if outcome.usable and (told := outcome.warning()):
            self.session.progress.warn(told)
        if told := outcome.repeats():
            self.session.progress.warn(told)
        return _made(plan, outcome, totals, written=written)

    def estimate(self) -> Estimate:
        """Calls, tokens and cost with their bounds; nothing is sent."""
        generator = self.generator()
        with language_model.open_cache(self.session) as cache:
            self._tell_of_other_servers(cache, generator)
            return estimate(generator, self.pairs(), cache, settled_price(self.settings, generator.llm))

    def so_far(self, plan: Plan) -> str:
        """How far a run came that wrote nothing yet: its calls, as the cache counts them; "" for none."""
        if not language_model.cache_path(self.session).is_file():
            return ""
        with language_model.open_cache(self.session) as cache:
            calls = cache.totals(job_of(self, plan)).calls
        return f"{counted(calls, 'call')} so far, {counted(len(self.pairs()), 'pair')}" if calls else ""

    def pairs(self) -> list[Pair]:
        """The training pairs that are asked for.

        Raises:
            UsageError: the part of `shard` is empty.
        """
        pairs = self.dataset.pairs("train")
        chosen = select_pairs(pairs, limit=self.settings.limit, shard=self.settings.shard)
        if pairs and not chosen:
            asked = min(len(pairs), self.settings.limit or len(pairs))
            raise UsageError(
                f"--shard {self.settings.shard}: none of the {asked} pairs is in this part.",
                hint="Nothing is left out: the other parts have them all. Fewer parts fit so few pairs.",
            )
        return chosen

    def prompt(self) -> Prompt:
        return load_prompt(self.settings.prompt, self.session.resolved.folder, kind=NEGATIVES)

    def generator(self, llm: LLM | None = None) -> Generator:
        """What makes the requests; `llm` takes the place of the model that the settings name."""
        prompt = self.prompt()
        return Generator(
            self.dataset,
            prompt,
            llm or language_model.open_model(self.session, language_model.llm_spec(self.session, "generate")),
            Asking.of(self.settings),
            self._candidates() if prompt.needs_candidates else None,
        )

    def _fill(
        self, generator: Generator, pairs: Sequence[Pair], engine: Engine
    ) -> tuple[list[str | None], BudgetExceeded | None]:
        """The keys of the answers, and the cap that stopped the run if one did."""
        keys: list[str | None] = [None] * len(pairs)
        watch = self.session.watch("generate", engine.limits.max_cost, "pairs")
        with language_model.asking(self.session, "generate"), watch as tick:
            try:
                fill(generator, pairs, engine, keys, tick=tick)
            except BudgetExceeded as stopped:
                return keys, stopped
            except LLMSetupError as error:
                recall(generator, pairs, engine.cache, keys)
                raise _with_kept(error, sum(key is not None for key in keys), len(pairs)) from None
        return keys, None

    def _tell_of_other_servers(self, cache: Cache, generator: Generator) -> None:
        """Answers of another address are another server's: whoever moved it would pay for them again."""
        identity = generator.llm.identity()
        for endpoint, count in cache_exchange.other_servers(cache, identity, generator.prompt.name).items():
            self.session.progress.warn(
                f"the cache has {count} answers of {identity['model']} from {endpoint}; "
                f"{identity['endpoint']} counts as another server and is asked anew "
                f"(--base-url {endpoint} uses them)"
            )

    def _path(self) -> Path:
        shard = f".shard-{self.settings.shard.replace('/', '-of-')}" if self.settings.shard else ""
        return self.workspace.synthetic(f"{self.settings.name}{shard}")

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
            hint=f"Run `syneg mine {self.dataset.name}` first.",
        )

    def _candidates(self) -> dict[str, list[str]]:
        """Query id -> texts of its best-ranked mined negatives."""
        return candidates_of(
            read_mined(self._candidate_file(), known=self.dataset.known), self.dataset, self.settings.n
        )


def _pools(dataset: Dataset, prompt: Prompt) -> str:
    """The hash of what the prompt's attributes are drawn from."""
    return content_hash({name: dataset.attributes[name] for name in prompt.attributes})


def job_of(stage: Generate, plan: Plan) -> str:
    """What totals and caps are counted for: the money that one model gets for one result.

    However it is cut, resumed, or asked for again with another prompt or temperature.
    """
    made = [str(plan.path.parent), stage.settings.name, plan.settings["llm"], plan.settings["endpoint"]]
    return content_hash(made)[:16]


def _with_kept(error: LLMSetupError, kept: int, pairs: int) -> LLMSetupError:
    """The error with what is not lost. Nothing is written of it: what is wrong is mended first."""
    if kept:
        told = f"{kept} of {pairs} answers are in the cache: the same command goes on after them."
        error.hint = f"{error.hint} {told}" if error.hint else told
    return error


def _is_no_worse(outcome: Outcome, path: Path) -> bool:
    """Whether a result may take the place of what an earlier run left at `path`.

    A whole one may, for as many pairs or more; a part only if it holds more negatives, or takes
    the place of another part with as many.
    """
    earlier = read_manifest(path) if path.is_file() else None
    counts = earlier.counts if earlier and not is_damaged(path, earlier) else {}
    pairs, there = (value if type(value := counts.get(key)) is int else 0 for key in ("pairs", "negatives"))
    if outcome.complete and outcome.usable and len(outcome.keys) >= pairs:
        return True
    return outcome.usable > there or (0 < outcome.usable == there and counts.get("complete") is False)


def _made(plan: Plan, outcome: Outcome, totals: Totals, *, written: bool) -> Made:
    counts = outcome.as_json() | {"written": written, "total": asdict(totals)}
    return Made(
        counts=counts,
        record=Generated(counts, totals, plan.path),
        cost_usd=None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd,
        found={"unanswered": outcome.unanswered},
        error=_error(plan, outcome, written=written),
        written=written,
    )


def _error(plan: Plan, outcome: Outcome, *, written: bool) -> SynegError | None:
    """Why the run failed; None where what it was asked for is there."""
    kept = ""
    if written:
        kept = f"The negatives of {outcome.answered} of {len(outcome.keys)} pairs are written."
    elif plan.path.is_file():
        kept = f"{plan.path} keeps what an earlier run wrote."
    if outcome.stopped is not None:
        hint = "Raise the cap and run the same command again: nothing is paid twice."
        return BudgetExceeded(f"{outcome.stopped.message} {kept}".strip(), hint=hint)
    if not outcome.usable:
        message = f"0 of {len(outcome.keys)} pairs got a usable negative: {outcome.causes()}."
        return LLMError(f"{message} {kept}".strip(), hint=_remedy(outcome))
    if not outcome.complete and not written:
        message = f"{outcome.unanswered} of {len(outcome.keys)} pairs have no answer: {outcome.causes()}."
        return LLMError(f"{message} {kept}", hint=_remedy(outcome))
    return None


def _remedy(outcome: Outcome) -> str:
    if outcome.failed:
        return "Mend what the server complains about, then run the same command again."
    if outcome.unusable or outcome.dropped:
        return "Look at the answers with `syneg cache list`; --retry-bad asks for them again."
    return "See `syneg generate --help`."

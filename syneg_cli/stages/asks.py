"""What the stages have in common that ask a language model about each of many pairs.

Several processes may bring answers into the cache at once; one of them writes what they hold. At
a cap, a stop or a refusing server the answers are kept, and no result takes the place of a larger one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    BudgetExceeded,
    LLMError,
    LLMSetupError,
    Pair,
    SynegError,
    UsageError,
    content_hash,
    counted,
    is_damaged,
    read_manifest,
)
from syneg_cli.data import Dataset
from syneg_cli.generation import (
    Asker,
    Estimate,
    Nouns,
    Outcome,
    asked_again,
    every_item,
    fill,
    recall,
    select_pairs,
)
from syneg_cli.llm import LLM, RAISE_CAP, Cache, Engine, Totals, cache_exchange, split_spec
from syneg_cli.stages import language_model
from syneg_cli.stages.request_files import Requests
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, need_place

UNSENT = "`--batch submit` hands it in, without --batch it is asked at once"
UNWRITTEN = "`--batch-write` writes it, a live run asks for it at once"
"""What can be done about what `--batch collect` and `--batch-read` find no answer to."""


def shard_of(shard: str | None) -> str:
    """What a shard's result is called behind its name."""
    return f".shard-{shard.replace('/', '-of-')}" if shard else ""


@dataclass(frozen=True)
class Generated:
    """What a run did, for people: its counts, and the totals of the job over all runs."""

    counts: dict[str, Any]
    totals: Totals
    path: Path


class Asks(Stage):
    """A stage that asks about each of its pairs.

    Args:
        again: ask again for answers that could not be used.

    With `unsent`, why nothing is sent, it makes what the stored answers give.
    """

    shared = True
    named_by = "--name"
    nouns: Nouns = Nouns()

    def __init__(self, session: Session, dataset: Dataset, *, again: bool = False) -> None:
        super().__init__(session, dataset)
        self.again, self.unsent = again, ""
        self.model_settings = self.project.generate
        self._answered: tuple[Any, Outcome]

    @property
    @abstractmethod
    def result_name(self) -> str:
        """The name that the result was given, whatever part of it this is."""

    @abstractmethod
    def pairs(self) -> list[Pair]:
        """What is asked about."""

    @abstractmethod
    def generator(self, llm: LLM | None = None) -> Asker:
        """What makes the requests; `llm` takes the place of the model that the settings name."""

    @abstractmethod
    def estimate(self) -> Estimate:
        """Calls, tokens and cost with their bounds; nothing is sent."""

    def part(self, pairs: Sequence[Pair], *, shard: str | None, limit: int | None = None) -> list[Pair]:
        """The first `limit` of the pairs, and of these the ones of a shard.

        Raises:
            UsageError: the part of `shard` is empty.
        """
        chosen = select_pairs(pairs, limit=limit, shard=shard)
        if pairs and not chosen:
            raise UsageError(
                f"--shard {shard}: none of the {min(len(pairs), limit or len(pairs))} {self.nouns.asked[1]} "
                "is in this part.",
                hint="Nothing is left out: the other parts have them all. Fewer parts fit so few "
                f"{self.nouns.asked[1]}.",
            )
        return chosen

    def model_plan(self) -> tuple[dict[str, str], dict[str, Any]]:
        """(inputs, settings) of a plan that are about who answers."""
        spec = language_model.llm_spec(self.session, self.name)
        provider, model = split_spec(spec)
        inputs = {}
        if provider == "replay":
            inputs["recorded answers"] = language_model.open_model(self.session, spec).identity()["model"]
            spec = f"replay:{Path(model).name}"
        endpoint = language_model.endpoint(self.model_settings.base_url, provider)
        return inputs, {"llm": spec, "endpoint": endpoint, "unanswered": 0}

    def job(self, plan: Plan) -> str:
        """What totals and caps are counted for: the money that one model gets for one result.

        However it is cut, resumed, or asked for again with another prompt or temperature.
        """
        made = [str(plan.path.parent), self.result_name, plan.settings["llm"], plan.settings["endpoint"]]
        return content_hash(made)[:16]

    def share(self, plan: Plan) -> None:
        """Bring the answers into the cache; what several processes ask for they ask once."""
        with language_model.open_cache(self.session) as cache:
            asker = self.generator()
            engine = language_model.open_engine(
                self.session,
                asker.llm,
                cache,
                job=self.job(plan),
                again=self.again,
                unsent=self.unsent,
            )
            self.tell_of_other_servers(cache, asker)
            keys, stopped = self._fill(asker, self.pairs(), engine)
        self._answered = asker, Outcome(engine.stats, keys, stopped=stopped, nouns=self.nouns)

    def requests(self) -> Requests:
        """All that is asked, for whoever sends it.

        Raises:
            UsageError: there is nothing, or what comes of it could not be put in its place.
        """
        plan = self.plan()
        need_place(self, plan)
        asker, pairs = self.generator(), self.pairs()
        with language_model.open_cache(self.session) as cache:
            self.tell_of_other_servers(cache, asker)
        items = partial(every_item, asker, pairs)
        return Requests(self.session, asker.llm, self.job(plan), items, asker.classify, again=self.again)

    def so_far(self, plan: Plan) -> str:
        """How far a run came that wrote nothing yet: its calls, as the cache counts them; "" for none."""
        if not language_model.cache_path(self.session).is_file():
            return ""
        with language_model.open_cache(self.session) as cache:
            calls = cache.totals(self.job(plan)).calls
        if not calls:
            return ""
        return f"{counted(calls, 'call')} so far, {counted(len(self.pairs()), *self.nouns.asked)}"

    def tell_of_other_servers(self, cache: Cache, asker: Asker) -> None:
        """Answers of another address are another server's: whoever moved it would pay for them again."""
        identity = asker.llm.identity()
        for endpoint, count in cache_exchange.other_servers(cache, identity, asker.prompt.name).items():
            self.session.progress.warn(
                f"the cache has {count} answers of {identity['model']} from {endpoint}; "
                f"{identity['endpoint']} counts as another server and is asked anew "
                f"(--base-url {endpoint} uses them)"
            )

    def _fill(
        self, asker: Asker, pairs: Sequence[Pair], engine: Engine
    ) -> tuple[list[str | None], BudgetExceeded | None]:
        """The keys of the answers, and the cap that stopped the run if one did."""
        keys: list[str | None] = [None] * len(pairs)
        watch = self.session.watch(self.name, engine.limits.max_cost, self.nouns.asked[1])
        with language_model.asking(self.session, self.name), watch as tick:
            try:
                fill(asker, pairs, engine, keys, tick=tick)
            except BudgetExceeded as stopped:
                return keys, stopped
            except LLMSetupError as error:
                recall(asker, pairs, engine.cache, keys)
                raise _with_kept(error, sum(key is not None for key in keys), len(pairs)) from None
        return keys, None

    def tell(self, outcome: Outcome) -> None:
        """What is worth a warning."""
        if outcome.usable and (told := outcome.warning()):
            self.session.progress.warn(told)
        if told := outcome.repeats():
            self.session.progress.warn(told)

    def made(self, plan: Plan, outcome: Outcome, totals: Totals, more: dict[str, Any] | None = None) -> Made:
        """What became of the run: a part is written where nothing better is there, and is an error."""
        written = self._is_no_worse(outcome, plan.path)
        counts = outcome.as_json() | (more or {}) | {"written": written, "total": asdict(totals)}
        counts |= {"later": outcome.later} if outcome.later else {}
        return Made(
            counts=counts,
            record=Generated(counts, totals, plan.path),
            cost_usd=None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd,
            found={"unanswered": outcome.unanswered + outcome.later},
            error=self._error(plan, outcome, written=written),
            written=written,
        )

    def _is_no_worse(self, outcome: Outcome, path: Path) -> bool:
        """Whether a result may take the place of what an earlier run left at `path`.

        A whole one may, for as many pairs or more; a part only if it holds more, or takes the place
        of another part with as much.
        """
        earlier = read_manifest(path) if path.is_file() else None
        counts = earlier.counts if earlier and not is_damaged(path, earlier) else {}
        keys = (self.nouns.key, self.nouns.made[1])
        pairs, there = (value if type(value := counts.get(key)) is int else 0 for key in keys)
        if outcome.complete and outcome.usable and len(outcome.keys) >= pairs:
            return True
        return outcome.usable > there or (0 < outcome.usable == there and counts.get("complete") is False)

    def _error(self, plan: Plan, outcome: Outcome, *, written: bool) -> SynegError | None:
        """Why the run failed; None where what it was asked for is there."""
        (one, many), of_them = self.nouns.made, self.nouns.asked[1]
        every = len(outcome.keys)
        kept = ""
        if written:
            kept = f"The {many} of {outcome.answered} of {every} {of_them} are written."
        elif plan.path.is_file():
            kept = f"{plan.path} keeps what an earlier run wrote."
        if outcome.stopped is not None:
            return BudgetExceeded(f"{outcome.stopped.message} {kept}".strip(), hint=RAISE_CAP)
        if self.unsent and not outcome.complete:  # what is left is said, and is no failure
            return None
        if not outcome.usable:
            message = f"0 of {every} {of_them} got a usable {one}: {outcome.causes()}."
            return LLMError(f"{message} {kept}".strip(), hint=self._remedy(outcome))
        if not outcome.complete and not written:
            message = f"{outcome.unanswered} of {every} {of_them} have no answer: {outcome.causes()}."
            if not outcome.unanswered:
                message = f"{counted(outcome.later, 'call')} of the judge got no answer."
            return LLMError(f"{message} {kept}", hint=self._remedy(outcome))
        return None

    def _remedy(self, outcome: Outcome) -> str:
        asker = self._answered[0]
        others = sorted(asker.llm.prompts() - {asker.prompt.name})
        if outcome.stats.misses == len(outcome.keys) and others:
            return (
                f"{asker.prompt.name} is asked for, and recorded are answers to {', '.join(others)}: "
                f"name the prompt with --prompt."
            )
        if outcome.failed or outcome.later:
            return "Mend what the server complains about, then run the same command again."
        if asked_again(outcome.unusable, outcome.dropped):
            return "Look at the answers with `syneg cache list`; --retry-bad asks for them again."
        if outcome.unusable or outcome.dropped:
            return (
                "Look at the answers with `syneg cache list` and `syneg cache show KEY`. They have the form "
                f"that was asked for, so --retry-bad leaves them: change the prompt ({asker.prompt.name})."
            )
        return f"See `syneg {self.name} --help`."


def _with_kept(error: LLMSetupError, kept: int, pairs: int) -> LLMSetupError:
    """The error with what is not lost. Nothing is written of it: what is wrong is mended first."""
    if kept:
        told = f"{kept} of {pairs} answers are in the cache: the same command goes on after them."
        error.hint = f"{error.hint} {told}" if error.hint else told
    return error

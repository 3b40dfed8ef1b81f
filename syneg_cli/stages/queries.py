"""queries: an LLM writes queries for documents that have none, or rewords those of train.

Both are kept beside one another, NAME.jsonl and NAME.rewrites.jsonl, and used together.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    Pair,
    SyntheticQuery,
    UsageError,
    content_hash,
    read_manifest,
    write_synthetic_queries,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import find_model, locate, weights_hash
from syneg_cli.generation import (
    QUERIES,
    REWRITES,
    Asking,
    Estimate,
    Nouns,
    Outcome,
    Prompt,
    QueryAsker,
    QueryWriter,
    documents_of,
    estimate_alike,
    estimate_each,
    load_prompt,
    negates,
    query_asker,
    read_queries,
    recall,
    training_queries,
)
from syneg_cli.llm import LLM, NoModel, Stats, settled_price, split_spec
from syneg_cli.mining import Setup
from syneg_cli.round_trip import (
    JUDGED,
    SHORT,
    CheckTools,
    Chosen,
    check_queries,
    choose_documents,
    default_top,
    judge_requests,
    need_scorer,
)
from syneg_cli.stages import encoders, language_model
from syneg_cli.stages.asks import Asks, shard_of
from syneg_cli.stages.judging import JUDGEMENT_TOKENS, judge_of, judge_prompt, judge_settings
from syneg_cli.stages.mine import OF_ENCODER, backbone_of, setup_of
from syneg_cli.stages.session import Session, rewordings
from syneg_cli.stages.stage import Made, Plan

if TYPE_CHECKING:
    import numpy as np

TOKENS = 30
"""Of one query in an answer, where nothing is known of the model."""

HALF = 0.5
"""What a written query may well count beside real ones."""

EXAMPLES = 3
"""Of each reason that are shown."""

UNJUDGED = "the judge is asked without --batch and --batch-read"

CHECKING = ("check", "near_copies", "max_copied", "max_words")
WRITING = ("n", "examples", "documents", "sample", "judged", "min_words")


class Queries(Asks):
    """Queries for documents; with `rewrite` rewordings of the training queries."""

    name = "queries"

    def __init__(
        self, session: Session, dataset: Dataset, *, rewrite: bool = False, again: bool = False
    ) -> None:
        super().__init__(session, dataset, again=again)
        self.settings = self.project.queries
        self.rewrite = rewrite
        asked = ("query", "queries") if rewrite else ("document", "documents")
        self.nouns = Nouns(asked, ("query", "queries"), "asked")

    @property
    def label(self) -> str:
        return "queries --rewrite" if self.rewrite else self.name

    @property
    def result_name(self) -> str:
        return self._whole.stem

    @property
    def _whole(self) -> Path:
        """Where the result is put; that of a shard beside it."""
        path = self.workspace.queries(self.settings.name)
        return rewordings(path) if self.rewrite else path

    @property
    def _path(self) -> Path:
        return self._whole.with_name(f"{self.result_name}{shard_of(self.settings.shard)}.jsonl")

    def plan(self) -> Plan:
        prompt = self.prompt()
        inputs, who = self.model_plan()
        inputs |= {
            "corpus": self.dataset.corpus.fingerprint,
            "queries": self.dataset.hashes["queries"],
            "train queries": content_hash([[p.query_id, p.doc_id] for p in self._judged()]),
            "prompt": content_hash(prompt.source),
            "relevance": content_hash(self.dataset.relevance),
        }
        section, asking = self.settings, self.model_settings
        settings = {
            "prompt": prompt.name,
            **who,
            **section.model_dump(include=set(CHECKING)),
            **asking.model_dump(include={"temperature", "max_tokens", "seed", "structured", "corrections"}),
        }
        if self.rewrite:
            settings["negate"] = negates(self.dataset, self.settings)
        else:
            asker = self.generator(NoModel())
            assert isinstance(asker, QueryWriter)
            inputs["attribute pools"] = content_hash({name: asker.pools[name] for name in prompt.attributes})
            inputs["examples"] = content_hash(asker.examples.pool)  # test decides what is none of them
            if self.dataset.kept_out:
                inputs["documents kept out"] = content_hash(sorted(self.dataset.kept_out))
            settings |= section.model_dump(include=set(WRITING))
            self._plan_round_trip(inputs, settings)
        return Plan(self.label, self._path, inputs, settings)

    def _plan_round_trip(self, inputs: dict[str, str], settings: dict[str, Any]) -> None:
        """What the round trip depends on, and no more."""
        section, check = self.settings, self.settings.check
        searches = check in ("retrieval", "cross-encoder") or (check == "judge" and section.judge_pool > 0)
        if searches:
            settings |= {"retriever": "+".join(self.retrievers), "language": self.dataset.language}
        if (searches and "dense" in self.retrievers) or section.documents == "spread":
            backbone = backbone_of(self.session)
            inputs["backbone weights"] = weights_hash(backbone)
            settings |= {"backbone": backbone, **self.project.mine.model_dump(include=set(OF_ENCODER))}
        if check in ("retrieval", "cross-encoder"):
            settings["top"] = section.top or default_top(check)
        if check == "cross-encoder":
            settings["cross_encoder"] = self.project.verify.cross_encoder
            settings |= encoders.weights_of("cross-encoder weights", self.project.verify.cross_encoder)
        if check == "judge":
            settings |= {
                "judge_pool": section.judge_pool,
                "judge": judge_settings(self.session, self.dataset),
            }

    def prepare(self) -> None:
        uses = self.settings.check != "none" and "dense" in self.retrievers
        if not self.rewrite and (uses or self.settings.documents == "spread"):
            locate(backbone_of(self.session), progress=self.session.progress)
        if not self.rewrite and self.settings.check == "cross-encoder":  # before any call is paid for
            scorer = self.project.verify.cross_encoder
            need_scorer(self.settings, scorer)
            encoders.fetch_scorer(self.session, str(scorer))

    def run(self, plan: Plan, to: Path) -> Made:
        asker, outcome = self._answered
        with language_model.open_cache(self.session) as cache:
            recall(asker, self.pairs(), cache, outcome.keys)
            counters: dict[str, Any] = {"unusable": outcome.unusable, "none": outcome.none}
            written = list(read_queries(asker, self.pairs(), outcome.keys, cache, **counters))
        judged: list[Stats] = []
        checked = check_queries(written, self.dataset, self.settings, self._tools(plan, judged))
        outcome.later = sum(stats.left for stats in judged)
        outcome.negatives.update(query.reason or "ok" for query in checked)
        write_synthetic_queries(to, checked)
        self.tell(outcome)
        with language_model.open_cache(self.session) as cache:
            totals = cache.totals(self.job(plan))
        more = self._counts(asker, outcome, checked) | {"judge": language_model.used(judged)}
        return self.made(plan, outcome, totals, more)

    def _counts(
        self, asker: QueryAsker, outcome: Outcome, checked: Sequence[SyntheticQuery]
    ) -> dict[str, Any]:
        """What is said beyond the counts of every stage that asks."""
        recorded = () if self.rewrite else asker.llm.documents(asker.prompt.name)
        return {
            "rewrites": self.rewrite,
            "negated": negates(self.dataset, self.settings) if self.rewrite else None,
            "left_out": {} if self.rewrite else dict(self._chosen.left_out),
            "not_in_corpus": sum(doc_id not in self.dataset.corpus for doc_id in recorded),
            "for_nobody": outcome.none.total(),
            "check": "none" if self.rewrite else self.settings.check,
            "retrievers": [] if self.rewrite else list(self.retrievers),
            "also_relevant": sum(len(query.also_relevant) for query in checked if query.status == "ok"),
            "examples": _examples(checked),
        }

    def estimate(self) -> Estimate:
        """Calls, tokens and cost of the writing, with their bounds; nothing is sent."""
        asker = self.generator()
        with language_model.open_cache(self.session) as cache:
            self.tell_of_other_servers(cache, asker)
            price = settled_price(self.model_settings, asker.llm)
            out = TOKENS * (3 if self.rewrite else self.settings.n)
            return estimate_alike(asker, self.pairs(), cache, price, out=out, again=self.again)

    def estimate_judge(self) -> Estimate | None:
        """What a judge is asked on top of it, at most; None where there is none."""
        if self.rewrite or self.settings.check != "judge":
            return None
        asker, pairs, prompt = self.generator(), self.pairs(), judge_prompt(self.session)
        keys: list[str | None] = [None] * len(pairs)
        with language_model.open_cache(self.session) as cache:
            recall(asker, pairs, cache, keys)
            written = list(read_queries(asker, pairs, keys, cache, unusable=Counter(), none=Counter()))
            places = [(pair, key) for pair, key in zip(pairs, keys, strict=True) if not asker.lacks(pair)]
            lacking = [pair.doc_id for pair, key in places if key is None]
            seed = self.model_settings.seed
            requests = judge_requests(written, lacking, self.dataset, self.settings, prompt, seed=seed)
            price = settled_price(self.model_settings, asker.llm)
            return estimate_each(requests, asker.llm, cache, price, prompt=prompt.name, out=JUDGEMENT_TOKENS)

    def next_step(self) -> str:
        """The hint that names the command which trains with the queries, as this one was given."""
        session, provider = self.session, split_spec(self.model_settings.llm or "")[0]
        weight = session.query_weight(self.dataset)
        flags = {
            "--llm": session.named("generate.llm") and provider != "replay" and self.model_settings.llm,
            "--base-url": session.named("generate.base_url") and self.model_settings.base_url,
            "--set": session.named("queries.name") and f"queries.name={self.settings.name}",
            "--synthetic-queries": (not weight or session.named("queries.weight")) and f"{weight or HALF:g}",
        }
        given = (part for flag, value in flags.items() if value for part in (flag, shlex.quote(value)))
        return session.again("run", *given)

    def pairs(self) -> list[Pair]:
        """What is asked about.

        Raises:
            UsageError: there is nothing.
        """
        if self.rewrite:
            if not (pairs := training_queries(self.dataset)):
                raise UsageError(
                    f"{self.dataset.name} has no training query to reword.",
                    hint="Without --rewrite its documents get queries.",
                )
            return self.part(pairs, shard=self.settings.shard)
        if not self._chosen.doc_ids:
            why = ", ".join(f"{count} {reason}" for reason, count in self._chosen.left_out.items())
            raise UsageError(
                f"No document of {self.dataset.name} is in want of queries: {why or 'it has none'}.",
                hint=_remedy(self._chosen.left_out),
            )
        return self.part(documents_of(self._chosen.doc_ids), shard=self.settings.shard)

    def prompt(self) -> Prompt:
        folder = self.session.resolved.folder
        if self.rewrite:
            return load_prompt(self.settings.rewrite_prompt, folder, kind=REWRITES)
        return load_prompt(self.settings.prompt, folder, kind=QUERIES)

    def generator(self, llm: LLM | None = None) -> QueryAsker:
        spec = language_model.llm_spec(self.session, self.name) if llm is None else ""
        who = llm or language_model.open_model(self.session, spec)
        return query_asker(self.dataset, self.prompt(), who, Asking.of(self.model_settings), self.settings)

    @cached_property
    def retrievers(self) -> tuple[str, ...]:
        """What searches: both where the backbone is on this machine, else bm25, unless it is said."""
        if self.settings.retriever != "auto":
            return tuple(self.settings.retriever.split("+"))
        manifest = read_manifest(self._path)  # what BM25 alone has checked stays when a model comes
        begun = manifest is not None and manifest.settings.get("retriever") == "bm25"
        return ("bm25", "dense") if find_model(backbone_of(self.session)) and not begun else ("bm25",)

    @cached_property
    def _chosen(self) -> Chosen:
        return choose_documents(self.dataset, self.settings, self._vectors, seed=self.model_settings.seed)

    def _vectors(self) -> np.ndarray:
        locate(backbone_of(self.session), progress=self.session.progress)  # an API is not asked for a sample
        return self._setup(self.dataset).encoder.encode_corpus(self.dataset.corpus, self.session.progress)

    def _judged(self) -> list[Pair]:
        """The real training pairs: they say which documents have a query, and what examples are of."""
        return self.dataset.pairs("train") if "train" in self.dataset.judgements else []

    def _setup(self, dataset: Dataset) -> Setup:
        return setup_of(self.session, dataset)

    def _tools(self, plan: Plan, judged: list[Stats]) -> CheckTools:
        if not self.rewrite and self.settings.check != "none" and self.settings.retriever == "auto":
            self._tell_of_backbone()
        return CheckTools(
            setup=self._setup,
            judge=lambda dataset: judge_of(
                self.session,
                dataset,
                job=self.job(plan),
                used=judged,
                unsent=self.unsent and UNJUDGED,
                again=self.again,
            ),
            retrievers=self.retrievers,
            cross_encoder=self.project.verify.cross_encoder,
            progress=self.session.progress,
        )

    def _tell_of_backbone(self) -> None:
        if "dense" in self.retrievers:
            return
        backbone = backbone_of(self.session)
        why, then = f"the backbone {backbone} was not on this machine, so BM25 alone looks", "fetches it"
        if find_model(backbone):
            why, then = "BM25 alone looked, and goes on looking", f"takes {backbone}, too"
        self.session.progress.note(f"queries: {why} for the documents (`--retriever bm25+dense` {then})")


def _remedy(left_out: Mapping[str, int]) -> str | None:
    """How those get queries that were left out."""
    remedies = {
        JUDGED: "--judged writes for those, too, that a training query finds relevant.",
        SHORT: "--min-words 1 writes for short ones, too.",
    }
    return " ".join(text for why, text in remedies.items() if left_out.get(why)) or None


def _examples(checked: Sequence[SyntheticQuery]) -> list[dict[str, str]]:
    """A few queries of each reason, by their ids, to look at."""
    found: Counter[str] = Counter()
    shown = []
    for query in checked:
        if query.reason and query.text and found[query.reason] < EXAMPLES:
            found[query.reason] += 1
            shown.append({"why": query.reason, "query": query.text, "document": query.doc_id})
    return sorted(shown, key=lambda one: one["why"])

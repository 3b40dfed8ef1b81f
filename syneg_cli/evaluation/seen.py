"""What training saw: the queries with a positive that was a positive in training, and those without.

On the first a model may remember which documents are ever asked for; what it scores on the others it
cannot have remembered. The same queries part a model's scores and its baseline's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from syneg_cli.core import (
    CORPUS,
    MissingArtifact,
    Pair,
    TrainingInstance,
    content_hash,
    counted,
    parsed,
    whole_text,
)
from syneg_cli.data import Dataset
from syneg_cli.evaluation.expansion import Expansion
from syneg_cli.evaluation.families import corrected
from syneg_cli.evaluation.metrics import MAIN_METRIC, label_of
from syneg_cli.evaluation.significance import MARGIN, Comparison, compare
from syneg_cli.evaluation.verdicts import decided, interval, tells_little, told_p

RECORD = "trained_on.json"
"""The file of a model folder that says what the model was trained on."""

IDS = ("queries", "documents", "written")
"""The fields that are ids."""

SEEN, UNSEEN = "seen", "unseen"
PerQuery = Mapping[str, Mapping[str, float]]
"""Metric -> query -> value."""


@dataclass(frozen=True)
class TrainedOn:
    """What a model learned from, by ids of one data set."""

    dataset: str
    corpus: str
    """The corpus' fingerprint."""
    queries: frozenset[str]
    """Of people and LLM-written ones."""
    documents: frozenset[str]
    """The positives of queries of people."""
    written: frozenset[str]
    """The positives of LLM-written queries."""
    texts: str = ""
    """The hash of the texts of all these documents; "" where an earlier version kept none."""

    @classmethod
    def instances(
        cls, instances: Iterable[TrainingInstance], dataset: Dataset, written: Container[str]
    ) -> TrainedOn:
        """What training instances hold; documents that are none of the corpus are no positives of it.

        Args:
            written: the ids of the queries that an LLM wrote.
        """
        found: dict[str, set[str]] = {"queries": set(), "documents": set(), "written": set()}
        for one in instances:
            if one.positive_source == CORPUS:
                found["written" if one.query_id in written else "documents"].add(one.positive_id)
                found["queries"].add(one.query_id)
        return cls._in(dataset, {name: frozenset(ids) for name, ids in found.items()})

    @classmethod
    def _in(cls, dataset: Dataset, ids: Mapping[str, frozenset[str]]) -> TrainedOn:
        """With what tells the documents of this data set from others that have their ids."""
        texts = _hash_of(dataset, ids["documents"] | ids["written"])
        own = (ids["queries"], ids["documents"], ids["written"])
        return cls(dataset.name, dataset.corpus.fingerprint, *own, texts)

    @classmethod
    def train(cls, dataset: Dataset) -> TrainedOn:
        """What is learned from the train split as it is now."""
        return cls._of(dataset.pairs("train") if dataset.judgements.get("train") else [], dataset)

    @classmethod
    def _of(cls, pairs: Iterable[Pair], dataset: Dataset) -> TrainedOn:
        made = (TrainingInstance(pair.query_id, pair.doc_id, ()) for pair in pairs)
        return cls.instances(made, dataset, dataset.synthetic)

    @classmethod
    def read(cls, folder: Path) -> TrainedOn | None:
        """As a model folder says it; None where it does not."""
        try:
            held = parsed(whole_text(folder / RECORD, MissingArtifact))[0]
            ids = {name: _ids(held[name]) for name in IDS}
            texts = str(held.get("texts") or "")
            own = (ids["queries"], ids["documents"], ids["written"])
            return cls(str(held["dataset"]), str(held["corpus"]), *own, texts)
        except (MissingArtifact, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None

    def text(self) -> str:
        """The file's content."""
        held = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in vars(self).items()}
        return json.dumps(held, ensure_ascii=False, indent=1) + "\n"

    def of(self, dataset: Dataset) -> bool:
        """Whether the ids mean the same documents in this data set. What the two are called says nothing."""
        if self.corpus == dataset.corpus.fingerprint:
            return True
        documents = self.documents | self.written
        return bool(self.texts and documents) and self.texts == _hash_of(dataset, documents)

    @classmethod
    def with_index(
        cls, recorded: TrainedOn | None, dataset: Dataset, expansion: Expansion | None
    ) -> TrainedOn | None:
        """What a training saw, as far as it is recorded, and what judged queries in the index tell."""
        pairs = expansion.pairs if expansion else ()
        return cls._of(pairs, dataset).joined(recorded, dataset) if pairs else recorded

    def told_of_others(self, name: str, dataset: Dataset) -> str:
        """A sentence where `name` was trained on a data set that is called like this one, and is another.

        "" where it is this one, or is called otherwise.
        """
        if self.dataset != dataset.name or self.of(dataset):
            return ""
        why = "other documents than it has now" if self.texts else "documents that may be others by now"
        return (
            f"{name} was trained on {dataset.name} with {why}: which queries that training saw is not known"
        )

    def joined(self, other: TrainedOn | None, dataset: Dataset) -> TrainedOn:
        """With what another training before it saw, as far as it is known to be of this data set."""
        if other is None or not other.of(dataset):
            return self
        return self._in(dataset, {name: getattr(self, name) | getattr(other, name) for name in IDS})


def _ids(held: object) -> frozenset[str]:
    """Ids as a file holds them; raises TypeError for anything else, which would be nobody's ids."""
    if not isinstance(held, list) or not all(isinstance(one, str) for one in held):
        raise TypeError("no list of ids")
    return frozenset(held)


def _hash_of(dataset: Dataset, doc_ids: Iterable[str]) -> str:
    """The hash of documents with their texts; "" where one is not there."""
    ids = sorted(doc_ids)
    if any(doc_id not in dataset.corpus for doc_id in ids):
        return ""
    return content_hash([[doc_id, content_hash(dataset.corpus[doc_id].full_text)] for doc_id in ids])


@dataclass(frozen=True)
class Exposure:
    """The queries of a split by what training saw of their positives (grade above 0)."""

    known: bool
    """Whether it is recorded what the model was trained on; else the train judgements part the queries."""
    judged: Sequence[str]
    """Queries with a positive that was the positive of a judged training query."""
    written: Sequence[str]
    """Other queries, with a positive that was the positive of an LLM-written training query."""
    unseen: Sequence[str]
    documents: int
    """Different positives of the split."""
    seen_documents: int
    """How many of them were positives in training."""

    @property
    def seen(self) -> list[str]:
        return [*self.judged, *self.written]

    @classmethod
    def stored(cls, held: Mapping[str, object] | None) -> Exposure | None:
        """As a file of `eval` holds it.

        Raises:
            TypeError: it holds something else.
        """
        if held is None:
            return None
        made = cls(**held)  # type: ignore[arg-type]
        lists = (made.judged, made.written, made.unseen)
        ids = all(isinstance(part, list) and all(isinstance(q, str) for q in part) for part in lists)
        counts = all(type(count) is int for count in (made.documents, made.seen_documents))
        if not ids or not counts or type(made.known) is not bool:
            raise TypeError("exposure is of another kind")
        return made

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def exposure(learned: TrainedOn | None, dataset: Dataset, split: str) -> Exposure | None:
    """How a split's queries are parted by what a model learned from; None where there is no training.

    A positive counts as seen under whatever id its text was trained on.

    Args:
        learned: None where that is not recorded: they are parted as if it had been train, as it is now.
    """
    trained = learned or TrainedOn.train(dataset)
    if not trained.documents | trained.written:
        return None
    judged, written = dataset.copies(trained.documents), dataset.copies(trained.written)
    parts: dict[str, list[str]] = {"judged": [], "written": [], "unseen": []}
    for query_id, grades in dataset.qrels(split).items():
        right = dataset.right(grades)
        part = "judged" if right & judged else "written" if right & written else "unseen"
        parts[part].append(query_id)
    positives = dataset.positives_in(split)
    both = len(positives & (judged | written))
    return Exposure(learned is not None, **parts, documents=len(positives), seen_documents=both)


@dataclass(frozen=True)
class Part:
    """The scores of a part of the queries."""

    queries: int
    metrics: Mapping[str, float]
    """Metric -> mean."""
    baseline_metrics: Mapping[str, float] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    """The metric that is compared -> the paired comparison, where there is a baseline."""


def parts_of(
    exposure: Exposure | None,
    per_query: PerQuery,
    baseline: PerQuery | None = None,
    compared: str = MAIN_METRIC,
    *,
    margin: float = MARGIN,
) -> dict[str, Part]:
    """ "seen" and "unseen" -> the scores of these queries; {} where one of the two has none.

    Args:
        compared: the metric that is compared with the baseline's.
        margin: the mean difference within which the two count as equivalent.
    """
    if exposure is None or not exposure.seen or not exposure.unseen:
        return {}
    of_part = {SEEN: exposure.seen, UNSEEN: exposure.unseen}
    return {name: _part(ids, per_query, baseline or {}, compared, margin) for name, ids in of_part.items()}


def _part(
    query_ids: Sequence[str], per_query: PerQuery, baseline: PerQuery, compared: str, margin: float
) -> Part:
    own = {metric: [values[q] for q in query_ids] for metric, values in per_query.items()}
    other = {metric: [baseline[metric][q] for q in query_ids] for metric in own if metric in baseline}
    return Part(
        len(query_ids),
        {metric: sum(values) / len(values) for metric, values in own.items()},
        {metric: sum(values) / len(values) for metric, values in other.items()},
        {compared: compare(own[compared], other[compared], margin=margin)} if compared in other else {},
    )


def corrected_parts(
    parts: Mapping[str, Mapping[str, Part]], metric: str = MAIN_METRIC
) -> dict[str, dict[str, Part]]:
    """System -> its parts, where the comparisons of several systems on a part are a family of their own.

    Args:
        metric: what is compared.
    """
    found = {system: dict(own) for system, own in parts.items()}
    for name in (SEEN, UNSEEN):
        with_part = {system: own[name] for system, own in found.items() if name in own}
        compared = {
            system: part.comparisons[metric]
            for system, part in with_part.items()
            if metric in part.comparisons
        }
        for system, comparison in corrected(compared).items():
            part = with_part[system]
            found[system][name] = replace(part, comparisons={**part.comparisons, metric: comparison})
    return found


def told_of_training(
    exposure: Exposure | None, name: str, *, trained: bool = True, indexed: bool = False
) -> str:
    """A sentence on the queries with a positive that training saw; "" where nothing parts them.

    Args:
        trained: False for what no training made, as BM25.
        indexed: whether judged training queries are in the index, too.
    """
    if exposure is None:
        return ""
    seen, every = len(exposure.seen), len(exposure.seen) + len(exposure.unseen)
    queries = counted(every, "query", "queries")
    who = f"Training of {name} saw" if exposure.known else "A training on train sees"
    if indexed:
        who = f"Judged queries in the index count as training: they, or {name}'s as far as recorded, know"
    if not seen:
        said = f"{who} no positive of the {queries}"
    elif seen == every:
        said = f"{who} a positive of each of the {queries}: on others nothing is measured"
    else:
        documents = f"{exposure.seen_documents} of {counted(exposure.documents, 'document')}"
        said = f"{who} a positive of {seen} of the {queries} ({documents}), and none of {every - seen}"
    if exposure.written:
        said += f"; of {len(exposure.written)} only through LLM-written queries"
    unknown = f"What {name} was trained on is not known. " if trained else f"{name} is not trained. "
    return f"{'' if exposure.known else unknown}{said}."


def told_of_gain(metric: str, whole: Comparison, parts: Mapping[str, Part]) -> str:
    """One sentence on where a difference comes from; "" without parts."""
    if not parts:
        return ""
    label = label_of(metric)
    seen, unseen = (parts[name].comparisons[metric] for name in (SEEN, UNSEEN))
    what = "gain" if whole.difference > 0 else "difference"
    return (
        f"Of the {what} of {whole.difference:+.4f} in {label} on all {whole.queries} queries, it is "
        f"{_measured(seen)} on the {seen.queries} whose documents training saw, and "
        f"{_measured(unseen)} on the {unseen.queries} whose documents it never saw: "
        f"{_told(unseen)}."
    )


def _measured(comparison: Comparison) -> str:
    """`+0.0120 [-0.0020, +0.0260]`."""
    known = math.isfinite(comparison.high - comparison.low)
    return f"{comparison.difference:+.4f} {interval(comparison) if known else '(no interval)'}"


def told_of_few(parts: Mapping[str, Part], split: str) -> str:
    """A hint where one of the parts has few queries."""
    told = [tells_little(part.queries, f"{name} {split}") for name, part in parts.items()]
    return " ".join(f"{few}." for few in told if few)


def _told(comparison: Comparison) -> str:
    if comparison.wins == comparison.losses == 0:
        return "the same for every query there"
    word = decided(comparison)
    noise = "undecided there, not to be told from noise"
    return f"{noise if word == 'undecided' else f'{word} there'} (p {told_p(comparison)})"

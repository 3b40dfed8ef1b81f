"""One measured system, and what it gains over another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, inf
from pathlib import Path

from syneg_cli.core import MissingArtifact, UsageError, json_fault, parsed, whole_text
from syneg_cli.evaluation.metrics import MAIN_METRIC, label_of
from syneg_cli.evaluation.searching import CALLED, Search, Source
from syneg_cli.evaluation.seen import (
    Exposure,
    Part,
    parts_of,
    told_of_few,
    told_of_gain,
    told_of_training,
)
from syneg_cli.evaluation.significance import MARGIN, Comparison, compare
from syneg_cli.evaluation.verdicts import interval, p_value, verdict

AGAIN = "Measure again with --force."
NO_EVIDENCE = "a score on such queries is no evidence of how those of people are answered"


@dataclass(frozen=True)
class Evaluation:
    """One measured system, as it is stored in eval/<name>.json. `run` is its TREC file.

    `written_queries` is how many of the queries an LLM wrote. `exposure` parts the queries by what
    training saw; None where that is not recorded, or there is no training. `max_length` is how many tokens
    of a text the model reads; None where nothing is known of it. `lexical` is what BM25's best document gets
    beside the similarities, as in hybrid search; 0 where words have no part. `expansion` is the share of
    queries in documents' vectors, `expansion_from` which ones, and `expanded` the share of the documents
    that have some.
    """

    name: str
    model: str
    dataset: str
    split: str
    precision: str
    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]
    run: str
    written_queries: int = 0
    exposure: Exposure | None = None
    max_length: int | None = None
    lexical: float = 0.0
    expansion: float = 0.0
    expanded: float = 0.0
    expansion_from: Source = "written"

    @property
    def search(self) -> Search:
        """What the ranking owes to more than the model's own vectors."""
        return Search(self.expansion, self.lexical, self.expansion_from)

    @property
    def queries(self) -> int:
        """How many it was measured on."""
        return len(next(iter(self.per_query.values()), ()))

    @property
    def caveat(self) -> str:
        """What a score on queries that nobody asked does not say; "" where people asked all of them."""
        return caveat(self.written_queries, self.queries)

    @classmethod
    def read(cls, path: Path) -> Evaluation:
        """What `eval` stored in a file.

        Raises:
            MissingArtifact: the file is not there, or holds something else.
        """
        text = whole_text(path, MissingArtifact, hint=AGAIN)
        try:
            read = cls(**parsed(text)[0])
            read = replace(read, exposure=Exposure.stored(read.exposure))  # type: ignore[arg-type]
            texts = (read.name, read.model, read.dataset, read.split, read.precision, read.run)
            values = [read.metrics, *read.per_query.values()]
            right = all(isinstance(part, str) for part in texts) and all(map(_are_scores, values))
            right = right and type(read.written_queries) is int
            right = right and (read.max_length is None or type(read.max_length) is int)
            beside = (read.lexical, read.expansion, read.expanded)
            right = right and all(type(one) in (int, float) and 0 <= one < inf for one in beside)
            right = right and read.expansion_from in CALLED
            right = right and _parts_all(read.exposure, read.per_query)
            right = right and MAIN_METRIC in read.metrics and read.metrics.keys() == read.per_query.keys()
            wrong = "" if right else "fields of other kinds"
        except (ValueError, RecursionError) as fault:
            wrong = json_fault(fault)
        except (TypeError, AttributeError):
            wrong = "other fields than eval writes"
        if wrong:
            raise MissingArtifact(f"{path} is not an evaluation: {wrong}.", hint=AGAIN)
        return read

    def __str__(self) -> str:
        values = "  ".join(f"{label_of(name)} {value:.4f}" for name, value in self.metrics.items())
        sentences = (self.told_of_search, self.caveat, self.told_of_training)
        told = "".join(f"\n{said}" for said in sentences if said)
        return f"{self.name} on {self.dataset}, {self.split} ({self.queries} queries)\n{values}{told}"

    def told_of_length(self, baseline: Evaluation) -> str:
        """A sentence where the two read texts to another length; "" where not, or it is not known."""
        own, other = self.max_length, baseline.max_length
        if own is None or other is None or own == other:
            return ""
        less = "that is in the difference, too"
        return f"{self.name} reads {own} tokens of a text, {baseline.name} {other}: {less}."

    @property
    def told_of_search(self) -> str:
        """Sentences where the ranking is not the model's alone; "" where it is."""
        some = f" Of the documents {floor(1000 * self.expanded) / 10:g}% have such queries."
        return self.search.told + (some if self.expansion and self.expanded < 1 else "")

    @property
    def told_of_training(self) -> str:
        """A sentence on the queries with a positive that training saw; "" where nothing is known of it."""
        return told_of_training(
            self.exposure, self.name, trained=self.model != "bm25", indexed=self.search.knows_judged
        )

    def parts(
        self, baseline: Evaluation | None = None, *, metric: str = "", margin: float = MARGIN
    ) -> dict[str, Part]:
        """ "seen" and "unseen" -> the scores of these queries; {} where all queries are one of the two.

        Args:
            baseline: its queries are parted as this system's.
            metric: by which the two are compared; the first that both have where none is named.
            margin: as for `against`.
        """
        other = baseline.per_query if baseline else None
        both = (name for name in self.per_query if other is None or name in other)
        compared = metric or next(both, MAIN_METRIC)
        return parts_of(self.exposure, self.per_query, other, compared, margin=margin)

    def against(self, baseline: Evaluation, *, margin: float = MARGIN) -> Gain:
        """What this system gains over `baseline`, with its significance.

        Args:
            margin: the mean difference within which the two count as equivalent.

        Raises:
            UsageError: the two were not measured on the same queries; or the margin is not between 0 and 1.
        """
        comparisons = compare_metrics(self, baseline, margin=margin)
        parts = self.parts(baseline, margin=margin)
        means = self.metrics, baseline.metrics
        lengths = self.told_of_length(baseline)
        return Gain(self.name, baseline.name, *means, comparisons, parts, self.split, self.caveat, lengths)


def caveat(written: int, queries: int) -> str:
    """A sentence where `written` of the queries are an LLM's; "" where none are."""
    if not written:
        return ""
    which = "An LLM wrote all" if written >= queries else f"An LLM wrote {written} of the"
    return f"{which} {queries} queries: {NO_EVIDENCE}."


def _parts_all(exposure: Exposure | None, per_query: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether every query is in one part, where there are parts."""
    if exposure is None:
        return True
    parted = sorted([*exposure.seen, *exposure.unseen])
    return all(parted == sorted(values) for values in per_query.values())


def _are_scores(values: object) -> bool:
    """Whether it is a table of numbers from 0 to 1, as all metrics are."""
    return isinstance(values, dict) and all(
        type(value) in (int, float) and 0 <= value <= 1 for value in values.values()
    )


@dataclass(frozen=True)
class Gain:
    """A system against a baseline: the means of both, and metric -> the paired comparison."""

    name: str
    baseline: str
    metrics: Mapping[str, float]
    baseline_metrics: Mapping[str, float]
    comparisons: Mapping[str, Comparison]
    parts: Mapping[str, Part] = field(default_factory=dict)
    """ "seen" and "unseen": the same, on the queries with a positive that training saw, and without."""
    split: str = "test"
    caveat: str = ""
    """What a score on queries that nobody asked does not say; "" where people asked all of them."""
    lengths: str = ""
    """A sentence where the two read texts to another length; "" where not, or it is not known."""

    @property
    def told(self) -> tuple[str, ...]:
        """What the parts say of the first metric's gain, in plain sentences; what was read, and who asks."""
        first, main = next(iter(self.comparisons.items()))
        gain = told_of_gain(first, main, self.parts)
        return tuple(filter(None, (gain, told_of_few(self.parts, self.split), self.lengths, self.caveat)))

    def __str__(self) -> str:
        """A few lines on the first metric, for a notebook."""
        first, main = next(iter(self.comparisons.items()))
        label = label_of(first)
        return "\n".join(
            (
                f"{self.name} against {self.baseline}, {main.queries} queries",
                f"{label}: {self.metrics[first]:.4f} against {self.baseline_metrics[first]:.4f}",
                f"difference: {main.difference:+.4f}, 95 % interval {interval(main)}, "
                f"p {p_value(main.p_randomisation)}",
                verdict(label, main),
                *self.told,
            )
        )


def compare_metrics(
    evaluation: Evaluation,
    baseline: Evaluation,
    metrics: Sequence[str] = (),
    *,
    margin: float = MARGIN,
) -> dict[str, Comparison]:
    """Metric -> the paired comparison over the queries of both, for metrics that both have.

    Args:
        metrics: which, by their names in files; by default all.

    Raises:
        UsageError: the two were not measured on the same queries, or by no metric in common; or the margin
            is not between 0 and 1.
    """
    comparisons = {}
    for metric in metrics or evaluation.per_query:
        values, others = evaluation.per_query.get(metric), baseline.per_query.get(metric)
        if values is None or others is None:
            continue  # measured by a version that did not have the metric
        if differ := values.keys() ^ others.keys():
            raise UsageError(
                f"{evaluation.name} and {baseline.name} were not measured on the same queries: "
                f"{len(differ)} of {len(values.keys() | others.keys())} have a result of one of them only.",
                hint="Measure both on the same data set and split.",
            )
        ours, theirs = list(values.values()), [others[query_id] for query_id in values]
        comparisons[metric] = compare(ours, theirs, margin=margin)
    if not comparisons:
        raise UsageError(
            f"{evaluation.name} and {baseline.name} were measured by no metric in common.",
            hint="Measure both with the same metrics.",
        )
    return comparisons

"""Retrieve with an encoder, measure with pytrec_eval, keep every query's scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.core.progress import NoProgress, Progress
from syneg_cli.core.records import Qrels, Run
from syneg_cli.evaluation.significance import Comparison, compare

if TYPE_CHECKING:
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.encoding.encoder import Encoder

DEPTH = 100
"""Documents kept per query: what Recall@100 and MAP@100 need."""


@dataclass(frozen=True)
class Metric:
    """A measure of pytrec_eval, taken on the first `cutoff` results if one is set."""

    measure: str
    cutoff: int | None = None

    @property
    def key(self) -> str:
        """The name under which pytrec_eval answers: `ndcg_cut.10` -> `ndcg_cut_10`."""
        return self.measure.replace(".", "_")


METRICS = {
    "ndcg@10": Metric("ndcg_cut.10"),
    "recall@10": Metric("recall.10"),
    "recall@100": Metric("recall.100"),
    "mrr@10": Metric("recip_rank", cutoff=10),
    "map@100": Metric("map_cut.100"),
}
MAIN_METRIC = "ndcg@10"


@dataclass(frozen=True)
class Scores:
    """Metric -> mean over queries, and metric -> query -> value."""

    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """One measured system, as it rests in eval/<name>.json. `run` is its TREC file."""

    name: str
    model: str
    dataset: str
    split: str
    precision: str
    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]
    run: str


def compare_metrics(evaluation: Evaluation, baseline: Evaluation) -> dict[str, Comparison]:
    """Metric -> the paired comparison over the queries of `evaluation`."""
    return {
        metric: compare(list(values.values()), [baseline.per_query[metric][query_id] for query_id in values])
        for metric, values in evaluation.per_query.items()
    }


def retrieve(
    dataset: Dataset, split: str, encoder: Encoder, *, depth: int = DEPTH, progress: Progress | None = None
) -> Run:
    """The `depth` best documents of every query of a split.

    A document whose id equals the query's is dropped, as BEIR does (ArguAna, Quora).
    """
    from syneg_cli.encoding.index import search

    progress = progress or NoProgress()
    query_ids = list(dataset.qrels(split))
    documents = encoder.encode_corpus(dataset.corpus, progress)
    queries = encoder.encode_queries([dataset.queries[q].text for q in query_ids], progress)
    scores, rows = search(queries, documents, min(depth + 1, len(dataset.corpus)))
    run: dict[str, dict[str, float]] = {}
    for query_id, values, found in zip(query_ids, scores, rows, strict=True):
        ranked = [(dataset.corpus.ids[row], float(value)) for row, value in zip(found, values, strict=True)]
        run[query_id] = dict([pair for pair in ranked if pair[0] != query_id][:depth])
    return run


def score(run: Run, qrels: Qrels) -> Scores:
    """Every metric for every judged query; a query without results scores 0."""
    import pytrec_eval

    per_query: dict[str, dict[str, float]] = {}
    judged = {query_id: dict(grades) for query_id, grades in qrels.items()}
    for name, metric in METRICS.items():
        results = {q: first(run[q], metric.cutoff) for q in judged if run.get(q)}
        evaluator = pytrec_eval.RelevanceEvaluator(judged, {metric.measure})
        values = evaluator.evaluate(results)
        per_query[name] = {q: values.get(q, {}).get(metric.key, 0.0) for q in judged}
    means = {name: sum(values.values()) / len(values) for name, values in per_query.items()}
    return Scores(means, per_query)


def first(results: Mapping[str, float], cutoff: int | None) -> dict[str, float]:
    """The `cutoff` best results in trec_eval's order: by score, ties by id, both descending."""
    if cutoff is None:
        return dict(results)
    return dict(sorted(results.items(), key=lambda item: (item[1], item[0]), reverse=True)[:cutoff])


def trec_lines(run: Run, tag: str) -> list[str]:
    """`qid Q0 docid rank score tag`, ranks from 1. Scores keep nine digits, which fixes a float32."""
    return [
        f"{query_id} Q0 {doc_id} {rank} {value:.9g} {tag}"
        for query_id, results in run.items()
        for rank, (doc_id, value) in enumerate(first(results, len(results)).items(), start=1)
    ]


def read_trec(path: Path) -> Run:
    """A TREC run file, of whatever system.

    Raises:
        UsageError: there is no such file.
        DatasetError: a line is not `qid Q0 docid rank score tag`.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there.", hint="Give a TREC run: qid Q0 docid rank score tag.")
    run: dict[str, dict[str, float]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        cells = line.split()
        try:
            query_id, _, doc_id, _, value, _ = cells
            run.setdefault(query_id, {})[doc_id] = float(value)
        except ValueError:
            raise DatasetError(
                f"{path}, line {number}: expected `qid Q0 docid rank score tag`, found {line.strip()[:60]!r}."
            ) from None
    if not run:
        raise DatasetError(f"{path} is empty.", hint="Expected: qid Q0 docid rank score tag.")
    return run

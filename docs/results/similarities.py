"""How near queries are to what is relevant to them, and to the strongest other document, by TREC runs.

    python docs/results/similarities.py DATA/scifact .syneg/scifact/studies/NAME/eval/dense-s*-test.trec

The scores are those of the runs: cosine similarities, where an encoder made them. Queries count where a
run has something relevant to them, and something else. Several runs, as those of seeds, are one mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from statistics import fmean

import syneg_cli as syneg
from syneg_cli.data import read_run


def nearest(scores: Mapping[str, float], relevant: Collection[str]) -> tuple[float, float] | None:
    """(the best relevant document's score, the best other one's); None where either is not in the run."""
    right = [score for doc_id, score in scores.items() if doc_id in relevant]
    other = [score for doc_id, score in scores.items() if doc_id not in relevant]
    return (max(right), max(other)) if right and other else None


def found(runs: Iterable[Path], relevant: Mapping[str, Collection[str]]) -> list[tuple[float, float]]:
    """What `nearest` says of every query of every run."""
    read = map(read_run, runs)
    pairs = [nearest(run.get(query, {}), own) for run in read for query, own in relevant.items()]
    return [pair for pair in pairs if pair is not None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a folder in BEIR layout")
    parser.add_argument("runs", type=Path, nargs="+", help="TREC runs of its test queries")
    options = parser.parse_args()
    qrels = syneg.load_dataset(options.dataset).qrels("test")
    relevant = {query: {doc for doc, grade in own.items() if grade > 0} for query, own in qrels.items()}
    pairs = found(options.runs, relevant)
    if not pairs:
        raise SystemExit("No run has something relevant to a test query, and something else.")
    right, other = fmean(one for one, _ in pairs), fmean(one for _, one in pairs)
    print(f"{len(pairs)} queries: relevant {right:.3f}, strongest other {other:.3f}, {right - other:+.3f}")


if __name__ == "__main__":
    main()

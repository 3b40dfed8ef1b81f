"""The difference between two systems in any metric, over queries and seeds, by their TREC runs.

    python docs/results/compare.py DATA/scifact recall@100 --runs lexical-s*.trec --against dense-s*.trec

A run for each seed; `--untrained` where the second system has none, as the model before training has,
`--untrained-system` where the first has none. `--split test
train` is of all queries that both splits judge, dev's among them: a run is then the two files behind each
other. Such a difference is none of a plan's comparisons, and not corrected.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import syneg_cli as syneg
from syneg_cli.core import Qrels
from syneg_cli.data import read_run
from syneg_cli.evaluation import compare_seeds, score


def scores(runs: Sequence[Path], qrels: Qrels, metric: str) -> list[list[float]]:
    """A row for each run: the metric of every query, in the order of the judgements."""
    found = (score(read_run(run), qrels, [metric]).per_query[metric] for run in runs)
    return [[each[query] for query in qrels] for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a folder in BEIR layout")
    parser.add_argument("metric", help="ndcg@10, recall@100, ...")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="TREC runs of its queries")
    parser.add_argument("--against", type=Path, nargs="+", required=True)
    parser.add_argument("--untrained", action="store_true", help="what it is compared with has no seed")
    parser.add_argument("--untrained-system", action="store_true", help="the first system has no seed")
    parser.add_argument("--split", nargs="+", default=["test"], help="test, train, ...")
    options = parser.parse_args()
    data = syneg.load_dataset(options.dataset, dev_fraction=0.0)
    qrels = {query: grades for split in options.split for query, grades in data.qrels(split).items()}
    ours, theirs = (scores(runs, qrels, options.metric) for runs in (options.runs, options.against))
    none = {"untrained": options.untrained, "untrained_system": options.untrained_system}
    found = compare_seeds(ours, theirs, **none)
    first, second = (sum(map(sum, rows)) / len(rows) / len(qrels) for rows in (ours, theirs))
    interval = f"[{found.low:+.4f}, {found.high:+.4f}]"
    print(f"{first:.4f} to {second:.4f}: {found.difference:+.4f} {interval}, p {found.p:.2g}")


if __name__ == "__main__":
    main()

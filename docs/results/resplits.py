"""The same study on several splits of one data set: every query once, with its mean over its splits.

    python docs/results/resplits.py .syneg-0/scifact/studies/resplit .syneg-1/scifact/studies/resplit \\
        --of dense --against zero-shot

Test queries of two splits may be the same, so their differences are no two. The p is a paired randomisation
test's over the queries; how much another seed changes is not in it, and it is not corrected.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from syneg_cli.evaluation import compare
from syneg_cli.studies import Study, read_study


def scores(studies: Sequence[Study], arm: str) -> Mapping[str, float]:
    """Query -> its mean over all splits and seeds."""
    found: dict[str, list[float]] = {}
    for row in (row for study in studies for row in study.rows if row.arm == arm):
        for query, score in row.scores.items():
            found.setdefault(query, []).append(score)
    return {query: fmean(values) for query, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", type=Path, nargs="+", help="the folder of the study of each split")
    parser.add_argument("--of", required=True, help="an arm")
    parser.add_argument("--against", required=True, help="another one")
    options = parser.parse_args()
    studies = [read_study(folder) for folder in options.studies]
    ours, theirs = (scores(studies, arm) for arm in (options.of, options.against))
    found = compare([ours[query] for query in theirs], list(theirs.values()))
    interval = f"[{found.low:+.4f}, {found.high:+.4f}]"
    means = f"{fmean(ours.values()):.4f} to {fmean(theirs.values()):.4f}"
    print(f"{means}: {found.difference:+.4f} {interval}, p {found.p:.2g}, {found.queries} queries")


if __name__ == "__main__":
    main()

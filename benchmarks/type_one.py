"""How often each test of syneg finds what is not there: false positives, by simulation.

    python benchmarks/type_one.py                      5 000 simulations a row, ten minutes on one core
    python benchmarks/type_one.py --write              puts the table into docs/significance.md

Scores are per-query nDCG@10 of one relevant document, at a rank that depends on the query, on what a
system makes of it, on the run and on the run's seed. The spread of each is chosen so that scores look
like those of SciFact: half of them 1, a fifth 0, two thirds of the differences 0, SD 0.20 between two
systems, 0.14 between two seeds of one, and 0.008 between the means of seeds. No system is better.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from syneg_cli.evaluation import boundaries, compare_seeds, holm
from syneg_cli.evaluation.significance import (
    bootstrap_interval,
    equivalence_test,
    paired_t,
    randomisation_test,
)

PAGE = Path(__file__).parents[1] / "docs" / "significance.md"
BEGIN, END = "<!-- type_one.py: begin -->\n", "<!-- type_one.py: end -->\n"

FLIPS, RESAMPLES = 999, 499
SEED_SHIFT = 0.04

Scores = NDArray[np.float64]
Random = np.random.Generator


def runs(
    rng: Random, queries: int, *seeds: int, shift: float = SEED_SHIFT, last: float | None = None
) -> list[Scores]:
    """For each system so many runs: seeds × queries, nDCG@10.

    Args:
        shift: how far seeds move the log rank of all queries (SD); 0 where all seeds are equally good.
        last: the same for the last system, where it is another.
    """
    hard = rng.normal(0.79, 1.9, queries)
    shifts = [shift] * (len(seeds) - 1) + [shift if last is None else last]
    found = []
    for count, moved in zip(seeds, shifts, strict=True):
        own = hard + rng.normal(0, 0.4, queries)
        log_rank = own + rng.normal(0, moved, (count, 1)) + rng.normal(0, 0.3, (count, queries))
        rank = np.maximum(1, np.floor(np.exp(log_rank)))
        found.append(np.where(rank <= 10, 1 / np.log2(1 + rank), 0.0))
    return found


def one_run(rng: Random, queries: int, shift: float = 0.0) -> Scores:
    """Differences between two systems that were trained once."""
    system, baseline = runs(rng, queries, 1, 1, shift=shift)
    return np.asarray(system[0] - baseline[0])


def randomisation(rng: Random, queries: int, shift: float = 0.0) -> bool:
    seed = int(rng.integers(2**31))
    return randomisation_test(one_run(rng, queries, shift), flips=FLIPS, seed=seed) < 0.05


def t_test(rng: Random, queries: int) -> bool:
    return paired_t(one_run(rng, queries)) < 0.05


def interval(rng: Random, queries: int) -> bool:
    delta, seed = one_run(rng, queries), int(rng.integers(2**31))
    low, high = bootstrap_interval(delta, resamples=RESAMPLES, seed=seed)
    return not low <= 0 <= high


def two_level(rng: Random, queries: int, seeds: int, others: int) -> bool:
    system, baseline = runs(rng, queries, seeds, others)
    return compare_seeds(system.tolist(), baseline.tolist(), flips=1).p < 0.05


def untrained(rng: Random, queries: int, seeds: int) -> bool:
    system, (backbone,) = runs(rng, queries, seeds, 1, last=0.0)
    return compare_seeds(system.tolist(), [backbone.tolist()], untrained=True, flips=1).p < 0.05


def means_of_seeds(rng: Random, queries: int, seeds: int) -> bool:
    system, baseline = runs(rng, queries, seeds, seeds)
    delta, seed = system.mean(axis=0) - baseline.mean(axis=0), int(rng.integers(2**31))
    return randomisation_test(delta, flips=FLIPS, seed=seed) < 0.05


def two_level_bootstrap(rng: Random, queries: int, seeds: int) -> bool:
    """Seeds of each system and queries drawn with replacement: what syneg does not use."""
    drawn = rng.multinomial(queries, np.full(queries, 1 / queries), RESAMPLES) / queries
    means = np.zeros(RESAMPLES)
    for sign, system in zip((1, -1), runs(rng, queries, seeds, seeds), strict=True):
        chosen = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
        means += sign * ((drawn @ system.T) * chosen).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return not low <= 0 <= high


def at_the_margin(rng: Random, queries: int, margin: float) -> bool:
    """Equivalence found where the true difference is the margin."""
    return equivalence_test(one_run(rng, queries) + margin, margin) < 0.05


def rare_losses(rng: Random, queries: int) -> bool:
    """A system that loses 0.5 on one query in fifty, which is 0.01 on average: the t-test's worst case."""
    return equivalence_test(np.where(rng.random(queries) < 0.02, -0.5, 0.0), 0.01) < 0.05


def family(rng: Random, queries: int, arms: int, correct: bool) -> bool:
    """Whether one of so many arms differs from the control that all are compared with."""
    control, *others = runs(rng, queries, *[1] * (arms + 1), shift=0.0)
    p_values = {
        str(n): randomisation_test(arm[0] - control[0], flips=FLIPS, seed=int(rng.integers(2**31)))
        for n, arm in enumerate(others)
    }
    return min((holm(p_values) if correct else p_values).values()) < 0.05


def sequential(rng: Random, queries: int, spend: bool) -> bool:
    """Looks after 2, 3, 4 and 5 seeds of each, stopping at the first difference."""
    system, baseline = (part.tolist() for part in runs(rng, queries, 5, 5))
    looks = (2, 3, 4, 5)
    limits = LIMITS if spend else (0.05,) * len(looks)
    return any(
        compare_seeds(system[:done], baseline[:done], flips=1).p < limit
        for done, limit in zip(looks, limits, strict=True)
    )


LIMITS = boundaries((2, 3, 4, 5))

Row = tuple[str, str, Callable[[Random], bool]]
ROWS: tuple[Row, ...] = (
    ("randomisation, one run each", "300", lambda rng: randomisation(rng, 300)),
    ("randomisation, one run each", "50", lambda rng: randomisation(rng, 50)),
    ("paired t, one run each", "300", lambda rng: t_test(rng, 300)),
    ("paired t, one run each", "50", lambda rng: t_test(rng, 50)),
    ("bootstrap interval without 0, one run each", "300", lambda rng: interval(rng, 300)),
    ("bootstrap interval without 0, one run each", "50", lambda rng: interval(rng, 50)),
    ("two levels, 2 seeds each", "300", lambda rng: two_level(rng, 300, 2, 2)),
    ("two levels, 3 seeds each", "300", lambda rng: two_level(rng, 300, 3, 3)),
    ("two levels, 5 seeds each", "300", lambda rng: two_level(rng, 300, 5, 5)),
    ("two levels, 3 seeds each", "1 000", lambda rng: two_level(rng, 1000, 3, 3)),
    ("two levels, 3 seeds against 1", "300", lambda rng: two_level(rng, 300, 3, 1)),
    ("two levels, 3 seeds, untrained baseline", "300", lambda rng: untrained(rng, 300, 3)),
    ("equivalence within 0.02, true difference 0.02", "300", lambda rng: at_the_margin(rng, 300, 0.02)),
    ("equivalence within 0.05, true difference 0.05", "300", lambda rng: at_the_margin(rng, 300, 0.05)),
    ("equivalence within 0.05, true difference 0.05", "50", lambda rng: at_the_margin(rng, 50, 0.05)),
    ("Holm, any of 5 arms against one control", "300", lambda rng: family(rng, 300, 5, True)),
    ("sequential, looks at 2, 3, 4, 5 seeds", "300", lambda rng: sequential(rng, 300, True)),
)
"""What a test says, over so many queries, and one simulation of it."""

OTHERS: tuple[Row, ...] = (
    (
        "randomisation, one run each, seeds differ",
        "300",
        lambda rng: randomisation(rng, 300, SEED_SHIFT),
    ),
    (
        "randomisation, one run each, seeds differ",
        "1 000",
        lambda rng: randomisation(rng, 1000, SEED_SHIFT),
    ),
    ("randomisation of the means over 3 seeds", "300", lambda rng: means_of_seeds(rng, 300, 3)),
    ("randomisation of the means over 3 seeds", "1 000", lambda rng: means_of_seeds(rng, 1000, 3)),
    ("two-level bootstrap, 2 seeds each", "1 000", lambda rng: two_level_bootstrap(rng, 1000, 2)),
    ("two-level bootstrap, 3 seeds each", "1 000", lambda rng: two_level_bootstrap(rng, 1000, 3)),
    ("two-level bootstrap, 5 seeds each", "1 000", lambda rng: two_level_bootstrap(rng, 1000, 5)),
    ("two levels, 2 seeds each", "1 000", lambda rng: two_level(rng, 1000, 2, 2)),
    ("equivalence within 0.01, 0.5 lost on 1 query in 50", "100", lambda rng: rare_losses(rng, 100)),
    ("equivalence within 0.01, 0.5 lost on 1 query in 50", "300", lambda rng: rare_losses(rng, 300)),
    ("no correction, any of 5 arms against one control", "300", lambda rng: family(rng, 300, 5, False)),
    ("no spending, looks at 2, 3, 4, 5 seeds", "300", lambda rng: sequential(rng, 300, False)),
)
"""For comparison: what goes wrong where a test is not used, or is used for more than it says."""


def rate(simulate: Callable[[Random], bool], simulations: int, seed: int) -> float:
    """The share of simulations that found something."""
    rng = np.random.default_rng(seed)
    return sum(simulate(rng) for _ in range(simulations)) / simulations


def lines(rows: tuple[Row, ...], simulations: int) -> Iterator[str]:
    yield "| test | queries | found, of 100 |"
    yield "|---|---|---|"
    for number, (test, queries, simulate) in enumerate(rows):
        yield f"| {test} | {queries} | {100 * rate(simulate, simulations, number):.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=5000)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    error = 100 * (0.05 * 0.95 / given.simulations) ** 0.5
    text = [
        f"`python benchmarks/type_one.py --simulations {given.simulations} --write`, {date.today()}: "
        f"{given.simulations:,} simulations a row. Of 100, 5 may find something; a number is sure to "
        f"±{2 * error:.1f}.",
        "",
        *lines(ROWS, given.simulations),
        "",
        "And what goes wrong otherwise:",
        "",
        *lines(OTHERS, given.simulations),
    ]
    table = "\n".join(text) + "\n"
    print(table)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

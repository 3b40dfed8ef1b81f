"""Miners by name: `dense`, `run:results.trec`, `simans:bm25`, `fusion:bm25+dense`.

What a miner needs comes after a colon. A new miner is a file here and a line in `MINERS`.
"""

from __future__ import annotations

from syneg_cli.core import UsageError, did_you_mean
from syneg_cli.mining import bm25, dense, fusion, random, run, simans
from syneg_cli.mining.base import MakeMiner, Miner, Setup

MINERS: dict[str, MakeMiner] = {
    "random": random.make,
    "bm25": bm25.make,
    "dense": dense.make,
    "simans": simans.make,
    "run": run.make,
    "fusion": fusion.make,
}


def check_miner(name: str) -> str:
    """The name, if there is such a miner.

    Raises:
        UsageError: there is none, or it is made of miners that it can do nothing with.
    """
    kind, _, argument = name.partition(":")
    if kind not in MINERS:
        raise UsageError(
            f"Unknown miner {kind!r}.{did_you_mean(kind, list(MINERS))}",
            hint="Miners: random, bm25, dense, simans[:MINER], run:FILE, fusion[:MINER+MINER].",
        )
    if argument and kind in ("random", "bm25", "dense"):
        raise UsageError(f"The miner {kind} takes nothing after a colon, not {argument!r}.")
    parts = _parts(name)
    for part in parts:
        check_miner(part)
    kinds = [part.partition(":")[0] for part in parts]
    if kind == "simans" and kinds[0] in ("random", "simans"):
        raise UsageError(
            f"simans draws by the scores of a ranking, and {kinds[0]} is none.",
            hint="Write it as simans, simans:bm25 or simans:run:FILE.",
        )
    if kind == "fusion" and (len(parts) < 2 or "fusion" in kinds or "simans" in kinds):
        raise UsageError(
            f"fusion needs two rankings or more, not {argument!r}.",
            hint="Write it as fusion:bm25+dense. simans ranks nothing, it draws: fuse what it draws from.",
        )
    return name


def uses_encoder(name: str) -> bool:
    """Whether a miner reads the backbone's vectors."""
    return "dense" in _kinds(name)


def uses_words(name: str) -> bool:
    """Whether a miner splits texts into the words of their language."""
    return "bm25" in _kinds(name)


def _parts(name: str) -> list[str]:
    """The miners that a miner is made of; none of those that rank by themselves."""
    kind, _, argument = name.partition(":")
    if kind == "simans":
        return [argument or simans.POOL]
    return (argument or fusion.MINERS).split("+") if kind == "fusion" else []


def _kinds(name: str) -> set[str]:
    """The kinds of miners that rank by themselves, of which a miner is made."""
    if parts := _parts(name):
        return set().union(*map(_kinds, parts))
    return {name.partition(":")[0]}


def run_files(name: str) -> list[str]:
    """The run files that a miner reads."""
    kind, _, argument = name.partition(":")
    if kind == "run" and argument:
        return [argument]
    return [file for part in _parts(name) for file in run_files(part)]


def make_miner(name: str, setup: Setup) -> Miner:
    """A miner by name, with its argument after the colon. Raises UsageError as `check_miner` does."""
    kind, _, argument = check_miner(name).partition(":")
    return MINERS[kind](setup, argument, lambda other: make_miner(other, setup))

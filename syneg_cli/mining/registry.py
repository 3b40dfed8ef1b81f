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
        UsageError: there is none.
    """
    kind, _, argument = name.partition(":")
    if kind not in MINERS:
        raise UsageError(
            f"Unknown miner {kind!r}.{did_you_mean(kind, list(MINERS))}",
            hint="Miners: random, bm25, dense, simans[:MINER], run:FILE, fusion[:MINER+MINER].",
        )
    if argument and kind in ("random", "bm25", "dense"):
        raise UsageError(f"The miner {kind} takes nothing after a colon, not {argument!r}.")
    if kind == "simans":
        check_miner(argument or "dense")
    if kind == "fusion":
        for part in (argument or "bm25+dense").split("+"):
            check_miner(part)
    return name


def uses_encoder(name: str) -> bool:
    """Whether a miner reads the backbone's vectors."""
    return "dense" in _kinds(name)


def uses_words(name: str) -> bool:
    """Whether a miner splits texts into the words of their language."""
    return "bm25" in _kinds(name)


def _kinds(name: str) -> set[str]:
    """The kinds of miners that a miner is made of."""
    kind, _, argument = name.partition(":")
    if kind == "simans":
        return _kinds(argument or "dense")
    if kind == "fusion":
        return set().union(*map(_kinds, (argument or "bm25+dense").split("+")))
    return {kind}


def run_files(name: str) -> list[str]:
    """The run files that a miner reads."""
    kind, _, argument = name.partition(":")
    if kind == "simans":
        return run_files(argument) if argument else []
    if kind == "fusion":
        return [file for part in argument.split("+") for file in run_files(part)] if argument else []
    return [argument] if kind == "run" and argument else []


def make_miner(name: str, setup: Setup) -> Miner:
    """A miner by name, with its argument after the colon. Raises UsageError as `check_miner` does."""
    kind, _, argument = check_miner(name).partition(":")
    return MINERS[kind](setup, argument, lambda other: make_miner(other, setup))

"""Synthetic and mined negatives -> training instances.

`pools.py` says what each pair may draw from, a strategy (`strategies.py`) draws. Every draw
has a random stream of its own, seeded by (seed, query, positive, round): the order of the
input, and the other instances, do not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syneg_cli.core import (
    CORPUS,
    SYNTHETIC,
    TEXT,
    MinedNegative,
    MissingArtifact,
    NegativeRef,
    Pair,
    SyntheticNegative,
    TrainingInstance,
    joined,
    named,
    stream,
)
from syneg_cli.data import Dataset
from syneg_cli.mixing.mirror import OwnQuery, mirrored, own_queries
from syneg_cli.mixing.pools import Rules, build_pools, relabelled
from syneg_cli.mixing.ratio import reached_share
from syneg_cli.mixing.readers import Imported
from syneg_cli.mixing.settings import MixSettings
from syneg_cli.mixing.strategies import Draw, Pools, Strategy, check_strategy


@dataclass(frozen=True)
class Mixed:
    """Training instances, and the counts that the table shows (over all rounds of the pairs)."""

    instances: tuple[TrainingInstance, ...]
    sources: Mapping[str, int]
    composition: Mapping[str, int]
    """"1 synthetic + 2 dense" -> how many instances (a round each) look so."""
    empty: int
    """Pairs without any negative: they train on in-batch negatives alone."""
    mirrored: int = 0
    """Instances whose positive is a synthetic text."""
    with_synthetic: int = 0
    """Pairs that have a synthetic negative to draw from."""
    turned_out: int = 0
    """Pairs left out that `verify` turned: of queries that train does not have, or of documents kept out."""

    def counts(self) -> dict[str, Any]:
        """Judged pairs, mirrored pairs, and shares and means over pairs and rounds."""
        draws = sum(self.composition.values())
        return {
            "instances": len(self.instances) - self.mirrored,
            "mirrored": self.mirrored,
            "without_negatives": self.empty,
            "with_synthetic": self.with_synthetic,
            "synthetic_share": reached_share(self.sources),
            "negatives_per_instance": {source: n / draws for source, n in sorted(self.sources.items())},
            "composition": dict(sorted(self.composition.items())),
            "turned_out": self.turned_out,
        }


def mix(
    pools: Mapping[Pair, Pools],
    *,
    strategy: str,
    k: int,
    ratio: float,
    rounds: int,
    seed: int,
    weights: Mapping[str, float] | None = None,
    max_synthetic: int | None = None,
    texts: Container[str] = (),
    need_synthetic: float = 0.0,
) -> Mixed:
    """Draw `rounds` sets of up to k negatives for every pair; no pair is left out.

    Args:
        k: 0 leaves the pairs to in-batch negatives.
        max_synthetic: the limit of synthetic texts in one instance, or in one family.
        texts: ids among the pairs' positives that are no documents of the corpus.
        need_synthetic: share of the pairs that must have a synthetic negative, if the strategy reads any.

    Raises:
        UsageError: no such strategy.
        MissingArtifact: no pair gets any negative, too few have synthetic ones, or there is
            nothing to mirror.
    """
    chosen = check_strategy(strategy)
    instances: list[TrainingInstance] = []
    for pair, pool in pools.items():

        def draw(number: int, pair: Pair = pair) -> Draw:
            rng = stream(joined(seed, pair.query_id, pair.doc_id, number))
            return Draw(k, ratio, rng, number, rounds, weights or {}, max_synthetic)

        family = named(pair.query_id, pair.doc_id) if chosen.mirrors else ""
        drawn = tuple(tuple(chosen.draw(pool, draw(number))) for number in range(rounds))
        source = TEXT if pair.doc_id in texts else CORPUS
        instances.append(TrainingInstance(pair.query_id, pair.doc_id, drawn, source, family))
        instances += _mirrored(chosen, pool, draw(rounds), family)
    mixed = replace(_counted(instances), with_synthetic=sum(bool(pool.synthetic) for pool in pools.values()))
    _check(mixed, strategy, k)
    if _too_few(mixed.with_synthetic, len(pools), chosen, k, ratio, need_synthetic):
        raise MissingArtifact(
            f"{mixed.with_synthetic} of {len(pools)} pairs have a usable synthetic negative; the mix needs "
            f"{need_synthetic:.0%} of them, or it is one of mined negatives under another name.",
            hint="See what `syneg generate` says about the rest, choose `--strategy retrieved`, "
            "or allow it with --need-synthetic 0.",
        )
    return mixed


def mix_negatives(
    dataset: Dataset,
    synthetic: Sequence[SyntheticNegative],
    mined: Sequence[MinedNegative],
    settings: MixSettings,
    *,
    rounds: int,
    imported: Imported | None = None,
    mirror: Iterable[OwnQuery] = (),
) -> Mixed:
    """The training instances of a data set.

    Args:
        synthetic, mined: with what `verify` found out about them, where it ran.
        imported: pairs and negatives of a file, instead of the data set's pairs and mined negatives.
        mirror: queries of the synthetic negatives' own, besides those that came with them.
    """
    weights = settings.weights or {}
    turned = dict.fromkeys(relabelled(mined))
    retrieved = [n for n in mined if Pair(n.query_id, n.doc_id) not in turned]
    fit = [pair for pair in turned if _may_train(pair, dataset)]
    pairs = imported.pairs if imported else dict.fromkeys([*dataset.pairs("train"), *fit])
    positives: dict[str, list[str]] = {}
    for pair in (*pairs, *(() if imported else turned)):
        positives.setdefault(pair.query_id, []).append(pair.doc_id)
    pools = build_pools(
        pairs,
        synthetic,
        imported.negatives if imported else retrieved,
        lambda query_id: dataset.excluded(query_id, positives.get(query_id, ())),
        rules=Rules(weights, settings.max_risk),
        own_queries=own_queries(synthetic, mirror),
    )
    mixed = mix(
        pools,
        strategy=settings.strategy,
        k=settings.negatives,
        ratio=settings.ratio,
        rounds=rounds,
        seed=settings.seed,
        weights=weights,
        max_synthetic=settings.max_synthetic,
        texts=imported.documents if imported else (),
        need_synthetic=settings.need_synthetic,
    )
    return mixed if imported else replace(mixed, turned_out=len(turned) - len(fit))


def _may_train(pair: Pair, dataset: Dataset) -> bool:
    """Whether a pair that nobody judged may be one of training: what was mined may be of another train."""
    return pair.query_id in dataset.judgements.get("train", {}) and pair.doc_id not in dataset.kept_out


def short_of_synthetic(
    dataset: Dataset,
    synthetic: Sequence[SyntheticNegative],
    settings: MixSettings,
    imported: Imported | None = None,
) -> tuple[int, int] | None:
    """(pairs with a synthetic negative, pairs) where a mix would refuse them as too few; None else.

    Args:
        synthetic, imported: as `mix_negatives` has them; what is mined plays no part.
    """
    pairs = dict.fromkeys(imported.pairs if imported else dataset.pairs("train"))
    rules = Rules(settings.weights or {}, settings.max_risk)
    usable = {Pair(one.query_id, one.positive_id) for one in synthetic if rules.admit(one, one.prompt)}
    found, chosen = len(usable & pairs.keys()), check_strategy(settings.strategy)
    needed = settings.need_synthetic
    short = _too_few(found, len(pairs), chosen, settings.negatives, settings.ratio, needed)
    return (found, len(pairs)) if short else None


def _too_few(found: int, pairs: int, strategy: Strategy, k: int, ratio: float, needed: float) -> bool:
    """Whether fewer pairs than are needed have a synthetic negative, where any is to be drawn."""
    asks = strategy.reads(k)[0] and (ratio > 0 or not strategy.uses_ratio)
    return asks and found < needed * pairs


def _check(mixed: Mixed, strategy: str, k: int) -> None:
    if check_strategy(strategy).mirrors and not mixed.mirrored:
        raise MissingArtifact(
            "No synthetic negative has a query of its own, so there is nothing to mirror.",
            hint="Generate with `--prompt mirror`, or give the queries with `--mirror FILE`.",
        )
    if k and not mixed.mirrored and mixed.empty == len(mixed.instances):
        raise MissingArtifact(
            f"No training pair has a negative under the strategy {strategy!r}.",
            hint="Run `syneg generate` or `syneg mine` first, or choose another --strategy.",
        )


def _mirrored(strategy: Strategy, pool: Pools, draw: Draw, family: str) -> list[TrainingInstance]:
    """The pair's synthetic texts as positives of their own queries; drawn once, for all rounds."""
    texts = [c.ref for c in pool.synthetic if c.own_query] if strategy.mirrors else []
    if draw.max_synthetic is not None and len(texts) > draw.max_synthetic:
        texts = sorted(draw.rng.sample(texts, draw.max_synthetic), key=lambda ref: ref.id)
    return [mirrored(ref, family) for ref in texts]


def _counted(instances: Sequence[TrainingInstance]) -> Mixed:
    pairs = [instance for instance in instances if instance.positive_source != SYNTHETIC]
    every = [negatives for instance in pairs for negatives in instance.rounds]
    return Mixed(
        instances=tuple(instances),
        sources=Counter(ref.source for negatives in every for ref in negatives),
        composition=Counter(describe(negatives) for negatives in every),
        empty=sum(not any(instance.rounds) for instance in pairs),
        mirrored=len(instances) - len(pairs),
    )


def describe(negatives: Sequence[NegativeRef]) -> str:
    """`1 synthetic + 2 dense`."""
    counts = Counter(ref.source for ref in negatives)
    ordered = sorted(counts, key=lambda source: (source != SYNTHETIC, source))
    return " + ".join(f"{counts[source]} {source}" for source in ordered) or "none"

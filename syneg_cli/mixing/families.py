"""Instances that share a batch: a pair and the mirrored pairs of its synthetic negatives."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.core import TrainingInstance

Families = Sequence[Sequence[TrainingInstance]]


def families(instances: Sequence[TrainingInstance]) -> list[tuple[TrainingInstance, ...]]:
    """Instances grouped by family, in order of first appearance; one without a name is on its own."""
    grouped: dict[object, list[TrainingInstance]] = {}
    for place, instance in enumerate(instances):
        grouped.setdefault(instance.family or place, []).append(instance)
    return [tuple(members) for members in grouped.values()]

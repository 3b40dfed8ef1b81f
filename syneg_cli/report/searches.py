"""The same weights searched with in other ways: queries in the index, BM25 beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import BackboneError, Manifest, MissingArtifact, Workspace, read_manifest
from syneg_cli.encoding import weights_hash
from syneg_cli.evaluation import MAIN_METRIC, MARGIN, Comparison, Evaluation, Part, Search, compare

Inputs = Callable[[Search], Mapping[str, str]]
"""How a system searches -> role and hash of what it is measured on, as it is now."""


@dataclass(frozen=True)
class Searched:
    """A system that searches with more than its model's own vectors, against that model alone."""

    name: str
    alone: str
    value: float
    """nDCG@10, as `alone_value`."""
    alone_value: float
    gain: Comparison
    parts: Mapping[str, Part]
    """ "seen" and "unseen": the same by what training, or judged queries in the index, know."""
    told: str
    """How it searches, in sentences."""


def read_searches(
    workspace: Workspace,
    split: str,
    data: Inputs | None = None,
    *,
    margin: float = MARGIN,
    without: Collection[str] = (),
) -> tuple[list[Searched], list[str]]:
    """Every such system that `eval` measured on a split, and a line for each that is left out.

    Args:
        data: what is measured on now; without it nobody looks whether that changed.
        margin: of equivalence.
        without: models that the page is not about.
    """
    stored, left_out = _stored(workspace, split)
    found: list[Searched] = []
    for measured, manifest in stored:
        if not (search := measured.search) or "cross-encoder" in manifest.inputs:
            continue
        if measured.name.removesuffix(search.called("")) in without:
            continue
        if why := _out_of_date(measured, manifest, data(search) if data else {}):
            left_out.append(f"{measured.name} {why}; that result is left out.")
            continue
        plain = [one for one, other in stored if _alone(measured, manifest, one, other)]
        if not plain:
            left_out.append(
                f"{measured.name} is not compared: the model alone was not measured on the same data "
                "(`syneg eval --baseline alone` does both)."
            )
            continue
        found.append(_searched(measured, plain[0], margin))
    return found, left_out


def _stored(workspace: Workspace, split: str) -> tuple[list[tuple[Evaluation, Manifest]], list[str]]:
    """The evaluations of a split, and a line for each that cannot be read."""
    stored: list[tuple[Evaluation, Manifest]] = []
    left_out: list[str] = []
    for file in sorted(workspace.evaluation("x").parent.glob(f"*-{split}.json")):
        try:
            measured, manifest = Evaluation.read(file), read_manifest(file)
        except MissingArtifact as error:
            left_out.append(f"{error.message} It is left out.")
            continue
        if manifest is not None and measured.split == split:
            stored.append((measured, manifest))
    return stored, left_out


def _out_of_date(measured: Evaluation, manifest: Manifest, data: Mapping[str, str]) -> str:
    """What changed since it was measured, after the system's name; "" where nothing did."""
    if changed := [role for role, digest in data.items() if manifest.inputs.get(role) != digest]:
        return f"was measured before the data changed ({', '.join(changed)})"
    if Path(measured.model).is_dir():
        try:
            if weights_hash(measured.model) != manifest.inputs.get("model"):
                return "is of weights that were trained again since"
        except BackboneError as error:
            return f"has no model any more ({error.message})"
    return ""


def _alone(measured: Evaluation, manifest: Manifest, one: Evaluation, other: Manifest) -> bool:
    """Whether `one` is the same model on the same queries and documents, searching alone."""
    roles = other.inputs.keys()
    return (
        not one.search
        and {role: manifest.inputs.get(role) for role in roles} == other.inputs
        and manifest.settings.get("identical_ids") == other.settings.get("identical_ids")
        and (measured.precision, measured.max_length) == (one.precision, one.max_length)
        and measured.per_query[MAIN_METRIC].keys() == one.per_query[MAIN_METRIC].keys()
    )


def _searched(measured: Evaluation, alone: Evaluation, margin: float) -> Searched:
    own, other = measured.per_query[MAIN_METRIC], alone.per_query[MAIN_METRIC]
    gain = compare(list(own.values()), [other[query_id] for query_id in own], margin=margin)
    means = measured.metrics[MAIN_METRIC], alone.metrics[MAIN_METRIC]
    parts = measured.parts(alone, margin=margin)
    return Searched(measured.name, alone.name, *means, gain, parts, measured.told_of_search)

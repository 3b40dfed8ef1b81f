"""What `syneg mix` shows: counts, and training instances as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syneg_cli.core.records import NegativeRef, TrainingInstance
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.mixing.mix import Mixed
    from syneg_cli.mixing.readers import Imported
    from syneg_cli.mixing.texts import Texts


def tables(mixed: Mixed, settings: Mapping[str, Any], imported: Imported | None) -> tuple[Any, ...]:
    """What the instances of a mix got, and what else is to be known about it."""
    from syneg_cli.cli.output import table
    from syneg_cli.mixing.strategies import check_strategy

    draws = sum(mixed.composition.values())
    by_size = sorted(mixed.composition.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, count, f"{count / draws:.1%}") for name, count in by_size]
    title = f"mix: {settings['strategy']}"
    if check_strategy(settings["strategy"]).uses_ratio:
        title += f", ratio {settings['ratio']}"
    columns = ["an instance got", "instances", "share"]
    shown = table(title, columns, rows, right=lambda column: column != columns[0])
    return shown, "\n".join(_remarks(mixed, settings["rounds"], imported))


def _remarks(mixed: Mixed, rounds: int, imported: Imported | None) -> list[str]:
    draws = sum(mixed.composition.values())
    means = ", ".join(f"{n / draws:.3f} {source}" for source, n in sorted(mixed.sources.items()))
    pairs = len(mixed.instances) - mixed.mirrored
    lines = [f"{pairs} pairs x {rounds} rounds; mean per instance: {means or 'none'}"]
    if mixed.empty:
        lines[0] += f"; {mixed.empty} pairs have no negative and train on in-batch ones"
    if mixed.mirrored:
        lines.append(
            f"{mixed.mirrored} mirrored pairs (own query, synthetic text) beside them: "
            f"{mixed.mirrored / pairs:.2f} a family; each family shares a batch"
        )
    if imported is not None and imported.held_out:
        lines.append(f"{imported.held_out} rows are left out: dev or test judges their queries")
    if imported is not None and imported.contradicted:
        lines.append(f"{imported.contradicted} negatives are left out: they are positives of the same query")
    if imported is not None and imported.documents:
        lines.append(f"{len(imported.documents)} texts are not in the corpus and are kept as texts")
    return lines


def panels(mixed: Path, dataset: Dataset, count: int) -> list[Any]:
    """The first `count` families of a mix, a panel each, with the negatives of the first round."""
    from syneg_cli.core.artifacts import read_manifest
    from syneg_cli.core.record_files import read_instances
    from syneg_cli.mixing.families import families
    from syneg_cli.mixing.texts import Texts, read_texts

    manifest = read_manifest(mixed)
    texts = read_texts(manifest, dataset) if manifest else Texts()
    return [_panel(family, dataset, texts) for family in families(read_instances(mixed))[:count]]


def _panel(family: tuple[TrainingInstance, ...], dataset: Dataset, texts: Texts) -> Any:
    from rich.markup import escape
    from rich.panel import Panel

    def line(label: str, colour: str, text: str) -> str:
        return f"[{colour}]{escape(label):<10}[/] {escape(_short(text))}"

    def document(ref: NegativeRef) -> str:
        return texts.document(ref, dataset)

    lines: list[str] = []
    for instance in family:
        if lines:
            lines.append("[dim]in the same batch, with a query of its own:[/]")
        lines.append(line("query", "bold", texts.query(instance.query_id, dataset)))
        lines.append(line("positive", "green", document(instance.positive)))
        drawn = instance.rounds[0] if instance.rounds else ()
        lines += [line(ref.source, "red", document(ref)) for ref in drawn]
    first = family[0]
    return Panel("\n".join(lines), title=escape(f"{first.query_id} / {first.positive_id}"))


def _short(text: str, length: int = 280) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"

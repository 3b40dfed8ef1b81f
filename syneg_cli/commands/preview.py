"""Training instances as a person reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syneg_cli.dataset import Dataset
    from syneg_cli.records import NegativeRef, TrainingInstance
    from syneg_cli.texts import Texts


def panels(mixed: Path, dataset: Dataset, count: int) -> list[Any]:
    """The first `count` families of a mix, a panel each, with the negatives of the first round."""
    from syneg_cli.artifacts import read_instances, read_manifest
    from syneg_cli.batches import families
    from syneg_cli.texts import Texts, read_texts

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

"""What `syneg mix` shows: counts, and training instances as a person reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from syneg_cli.cli.output import short, table
from syneg_cli.core import NegativeRef, TrainingInstance, counted, read_instances, read_manifest, visible
from syneg_cli.data import Dataset
from syneg_cli.mixing import Imported, Mixed, Texts, asked, check_strategy, families, reached, read_texts
from syneg_cli.stages import MixedRecord

WIDEST = 280


def mixed(record: MixedRecord) -> tuple[Any, ...]:
    """What the instances of a mix got, and what else is to be known about it."""
    made, settings = record.mixed, record.settings
    draws = sum(made.composition.values())
    by_size = sorted(made.composition.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, count, f"{count / draws:.1%}") for name, count in by_size]
    title = f"mix: {settings['strategy']}"
    columns = ["an instance got", "instances", "share"]
    shown = table(title, columns, rows, right=lambda column: column != columns[0])
    remarks = _remarks(made, settings["rounds"], record.imported)
    if record.written:
        remarks.insert(1, f"pairs of LLM-written queries: {record.written}")
    if check_strategy(settings["strategy"]).uses_ratio:
        ratio = f"synthetic : retrieved = {reached(made.sources)}; asked for: {asked(settings['ratio'])}"
        remarks.insert(1, ratio)
    return shown, "\n".join(remarks)


def _remarks(made: Mixed, rounds: int, imported: Imported | None) -> list[str]:
    draws = sum(made.composition.values())
    means = ", ".join(f"{n / draws:.3f} {source}" for source, n in sorted(made.sources.items()))
    pairs = len(made.instances) - made.mirrored
    lines = [f"{counted(pairs, 'pair')} x {counted(rounds, 'round')}; mean per instance: {means or 'none'}"]
    if made.empty:
        lines[0] += f"; without a negative but the in-batch ones: {counted(made.empty, 'pair')}"
    if made.mirrored:
        lines.append(
            f"{counted(made.mirrored, 'mirrored pair')} (own query, synthetic text) beside them: "
            f"{made.mirrored / pairs:.2f} a family; each family shares a batch"
        )
    if made.turned_out:
        why = "train does not have the query, or disjoint keeps the document out"
        turned = counted(made.turned_out, "pair")
        lines.append(f"left out of what verify turned into positives, because {why}: {turned}")
    if imported is not None and imported.held_out:
        lines.append(f"left out, because dev or test judges the query: {counted(imported.held_out, 'row')}")
    if imported is not None and imported.set_aside:
        rows = counted(imported.set_aside, "row")
        lines.append(f"left out, because train_queries leaves out the query: {rows}")
    if imported is not None and imported.kept_out:
        lines.append(
            f"left out, because disjoint keeps out the document: {counted(imported.kept_out, 'pair')}"
        )
    if imported is not None and imported.contradicted:
        what = "positives of their query or passages next to one, the query itself, or empty"
        lines.append(f"left out, because {what}: {counted(imported.contradicted, 'negative')}")
    if imported is not None and imported.documents:
        lines.append(f"not in the corpus, and kept as texts: {counted(len(imported.documents), 'text')}")
    return lines


def instances(mix: Path, dataset: Dataset, count: int) -> list[Any]:
    """The first `count` families of a mix, a panel each, with the negatives of the first round."""
    manifest = read_manifest(mix)
    texts = read_texts(manifest, dataset) if manifest else Texts()
    return [
        _panel(family, dataset, texts)
        for family in families(read_instances(mix, known=texts.known(dataset)))[:count]
    ]


def _panel(family: tuple[TrainingInstance, ...], dataset: Dataset, texts: Texts) -> Any:
    def line(label: str, colour: str, text: str) -> Text:
        return Text.assemble((f"{label:<10}", colour), " ", visible(short(text, WIDEST)))

    def document(ref: NegativeRef) -> str:
        return texts.document(ref, dataset)

    lines: list[Text] = []
    for instance in family:
        if lines:
            lines.append(Text("in the same batch, with a query of its own:", "dim"))
        lines.append(line("query", "bold", texts.query(instance.query_id, dataset)))
        lines.append(line("positive", "green", document(instance.positive)))
        drawn = instance.rounds[0] if instance.rounds else ()
        lines += [line(ref.source, "red", document(ref)) for ref in drawn]
    first = family[0]
    title = Text(visible(f"{first.query_id} / {first.positive_id}"))
    return Panel(Group(*lines), title=title, expand=False)  # a pipe has no width to fill

"""`syneg export`: training instances as other tools' training files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import MIXED, WRITTEN, Call
from syneg_cli.cli.options import command as make
from syneg_cli.core import UsageError, check_free, counted, read_instances
from syneg_cli.mixing import FORMATS, TRIPLETS, check_format, export, output_file, read_texts, rows
from syneg_cli.stages import mix_of, mixed_name, need_own


@make(MIXED, WRITTEN)
def command(
    call: Call,
    form: Annotated[
        str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", autocompletion=offer(*FORMATS))
    ] = "flagembedding",
    output: Annotated[
        str | None,
        typer.Option(
            help="The file to write, or a folder to write into.", metavar="PATH", show_default=False
        ),
    ] = None,
    triplets: Annotated[
        bool, typer.Option("--triplets", help="sentence-transformers: a line for each negative.")
    ] = False,
    rounds: Annotated[
        int | None,
        typer.Option(help="Rounds that give negatives.", show_default="all; 1 for n-tuples", min=1),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write training instances for other tools."""
    chosen = check_format(form)
    if triplets and form != "sentence-transformers":
        raise UsageError("--triplets goes with --format sentence-transformers.")
    file = output_file(output, mixed_name(call.session), form) if output else None
    dataset = call.dataset()
    need_own(call.session, dataset)
    path, manifest = mix_of(call.session, dataset)
    if file is None:
        raise UsageError("Say which file to write.", hint="`syneg export --output train.jsonl`")
    _refuse_inputs(file, dataset.folder, call.session.work_dir)
    check_free(file, force=force)
    chosen = TRIPLETS if triplets else chosen
    texts = read_texts(manifest, dataset)
    instances = read_instances(path, known=texts.known(dataset))
    made = export(file, chosen, rows(instances, dataset, texts, rounds=rounds or chosen.rounds))
    told = f"{counted(made.rows, 'row')} with {counted(made.negatives, 'negative')} -> {file}"
    if made.left_out:
        lacking = counted(made.left_out, "pair")
        told += f"\nleft out, because readers of this format need a negative: {lacking}"
    call.output.result({"path": str(file), "format": form, **asdict(made)}, told)


def _refuse_inputs(output: Path, *folders: Path) -> None:
    """Raises UsageError where an export would take the place of what it is made from."""
    for folder in folders:
        if output.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{output} is in {folder}, which syneg reads.", hint="Choose another file.")

"""`syneg export`: training instances as other tools' training files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.commands import options
from syneg_cli.cli.commands.mix import mixed_name


def register(app: typer.Typer) -> None:
    app.command("export", help="Write training instances for other tools.")(command)


def command(
    dataset: options.DatasetArgument = None,
    form: Annotated[
        str, typer.Option("--format", help="flagembedding, sentence-transformers, tevatron or parquet.")
    ] = "flagembedding",
    output: Annotated[
        Path | None, typer.Option(help="The file to write.", metavar="PATH", show_default=False)
    ] = None,
    mixed: Annotated[
        str | None, typer.Option(help="Which mix, by name.", show_default="the strategy")
    ] = None,
    triplets: Annotated[
        bool, typer.Option("--triplets", help="sentence-transformers: a line for each negative.")
    ] = False,
    rounds: Annotated[
        int | None,
        typer.Option(help="Rounds that give negatives.", show_default="all; 1 for n-tuples", min=1),
    ] = None,
    project: options.ProjectFile = None,
    data_dir: options.DataDir = None,
    work_dir: options.WorkDir = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    from syneg_cli.core.artifacts import read_manifest
    from syneg_cli.core.errors import MissingArtifact, UsageError
    from syneg_cli.core.record_files import read_instances
    from syneg_cli.mixing.texts import read_texts
    from syneg_cli.mixing.writers import TRIPLETS, check_format, export, rows

    chosen = check_format(form)
    if triplets and form != "sentence-transformers":
        raise UsageError("--triplets goes with --format sentence-transformers.")
    if output is None or output.is_dir():
        raise UsageError("Say which file to write.", hint="`syneg export --output train.jsonl`")
    flags = {
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
        "mix.name": mixed,
    }
    session = options.open_session(flags, project=project, as_json=as_json, quiet=quiet)
    loaded = session.dataset()
    path = session.workspace(loaded).mixed(mixed_name(session))
    manifest = read_manifest(path)
    if manifest is None or not path.is_file():
        raise MissingArtifact(
            f"No training instances {mixed_name(session)!r} for {loaded.name} ({path}).",
            hint=session.again("mix"),
        )
    chosen = TRIPLETS if triplets else chosen
    texts = read_texts(manifest, loaded)
    every = rows(read_instances(path), loaded, texts, rounds=rounds or chosen.rounds)
    made = export(output, chosen, every)
    told = f"{made.rows} rows with {made.negatives} negatives -> {output}"
    if made.left_out:
        told += f"\n{made.left_out} pairs without a negative are left out: readers of this format need one"
    session.output.result({"path": str(output), "format": form, **asdict(made)}, told)

"""The options that every stage command shares, and the session they open."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from syneg_cli.cli.output import Output
    from syneg_cli.core.artifacts import Workspace
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.stages.project import Project, Resolved

DatasetArgument = Annotated[
    str | None,
    typer.Argument(metavar="[DATASET]", help="A BEIR name (scifact) or a folder in BEIR layout."),
]
ProjectFile = Annotated[
    Path | None,
    typer.Option("--project", help="The project file.", show_default="syneg.toml, if there", metavar="FILE"),
]
DataDir = Annotated[
    str | None, typer.Option(help="Where data set folders lie already; nothing is downloaded then.")
]
WorkDir = Annotated[str | None, typer.Option(help="Where results rest.", show_default=".syneg")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
ShowConfig = Annotated[
    bool, typer.Option("--show-config", help="Print every setting and where it comes from, then stop.")
]
Force = Annotated[bool, typer.Option("--force", help="Do it again even if it is up to date.")]


@dataclass(frozen=True)
class Session:
    """One command run: the resolved settings and where to print."""

    resolved: Resolved
    output: Output

    @property
    def project(self) -> Project:
        return self.resolved.project

    @property
    def work_dir(self) -> Path:
        return self.resolved.path(self.project.work_dir)

    def dataset(self) -> Dataset:
        from syneg_cli.data.dataset import load_dataset

        section = self.project.dataset
        return load_dataset(
            section.name,
            data_dir=self.resolved.path(section.data_dir) if section.data_dir else None,
            folder=self.resolved.folder,
            cache=self.work_dir / "corpora",
            dev_fraction=section.dev_fraction,
            dev_seed=section.dev_seed,
            relevance=section.relevance,
            attributes=section.attributes.model_dump(),
            progress=self.output,
        )

    def again(self, command: str, *flags: str) -> str:
        """The hint that names the next command, with the data set as this one was given."""
        named = self.resolved.origins.get("dataset.name") == "flag"
        parts = [command, shlex.quote(self.project.dataset.name or "")] if named else [command]
        return f"Run `syneg {' '.join([*parts, *flags])}`."

    def workspace(self, dataset: Dataset) -> Workspace:
        from syneg_cli.core.artifacts import Workspace

        return Workspace(self.work_dir, dataset.name)


def open_session(
    flags: dict[str, Any],
    *,
    project: Path | None = None,
    as_json: bool = False,
    quiet: bool = False,
    show_config: bool = False,
) -> Session:
    """Resolve the settings; with `show_config` print them and end the command."""
    from syneg_cli.cli.output import Output, table
    from syneg_cli.stages.project import resolve

    resolved = resolve(flags, file=project)
    output = Output(as_json=as_json, quiet=quiet)
    if show_config:
        rows = resolved.rows()
        data = {key: {"value": value, "from": origin} for key, value, origin in rows}
        output.result(data, table(None, ["setting", "value", "from"], rows, right=lambda column: False))
        raise typer.Exit
    return Session(resolved, output)

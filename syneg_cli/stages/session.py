"""One run of syneg: the resolved settings, and who is told what goes on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from syneg_cli.core import (
    MissingArtifact,
    NoProgress,
    Progress,
    SaidOnce,
    UsageError,
    Workspace,
    instead,
    near,
    read_manifest,
    read_synthetic_queries,
    user_path,
)
from syneg_cli.data import Dataset, kept_apart, load_dataset, with_queries
from syneg_cli.llm import Tick
from syneg_cli.stages.project import Resolved
from syneg_cli.stages.settings import Project

Watch = Callable[[str, "float | None", str], AbstractContextManager["Tick | None"]]
"""(what is done, cap in US dollars, unit) -> a function to call with the statistics of the calls."""


ELSEWHERE = ("hub:", "irds:")
"""How data sets begin that are no folders."""

Written = Literal["needed", "if there", "none"]
"""What is to be done about the LLM-written queries that the settings ask for."""


def nobody(what: str, cap: float | None, unit: str) -> AbstractContextManager[Tick | None]:
    """Nobody looks at the calls."""
    return nullcontext()


def never(question: str) -> bool:
    """Nobody is there to agree."""
    return False


def rewordings(queries: Path) -> Path:
    """Where rewordings of train queries are: beside the LLM-written queries that they are used with."""
    return queries.with_name(f"{queries.name.removesuffix('.jsonl')}.rewrites.jsonl")


@dataclass(frozen=True)
class Session:
    """What every stage works with."""

    resolved: Resolved
    progress: Progress = field(default_factory=NoProgress)
    watch: Watch = nobody
    called: str = "syneg COMMAND"
    """The command as it names a data set: `syneg mine`, `syneg prompts render --dataset`."""

    confirm: Callable[[str], bool] = never
    """Asks the user, who may say yes."""

    places: Callable[[Path, str], Workspace] = Workspace
    """(work directory, data set) -> where everything is stored; an arm of a study has places of its own."""

    loaded: Dataset | None = None
    """The data set where it is at hand already; else it is read as the settings say."""

    beside: tuple[str, ...] = ()
    """Jobs of this command's earlier stages: a cap holds for all of them together."""

    of_data: set[str] = field(default_factory=set, compare=False)
    """What was said of the data set: it may be read again for every stage and arm."""

    @property
    def project(self) -> Project:
        return self.resolved.project

    @property
    def work_dir(self) -> Path:
        return self.resolved.path(self.project.work_dir)

    def need_name(self) -> str:
        """The name of the project's data set.

        Raises:
            UsageError: there is none.
        """
        name = self.project.dataset.name
        if not name:
            raise UsageError(
                "No data set named.",
                hint=f"Name one (`{self.called} scifact`), or set name in [dataset] of syneg.toml.",
            )
        return name

    @property
    def documents(self) -> str | None:
        """What [documents] names to be imported; None where the command line names another data set."""
        source = self.project.documents.source
        if not source or self.named("dataset.name"):
            return None
        return source if source.startswith(ELSEWHERE) else str(self.resolved.path(source))

    def dataset(self, written: Written = "needed") -> Dataset:
        """The project's data set, read and checked, with LLM-written queries where the settings use them.

        Raises:
            MissingArtifact: they are needed, the settings name a weight for them, and there are none; or the
                documents that the project begins with are not imported yet.
        """
        dataset = self._real()
        if written != "none":
            dataset = self._with_queries(dataset, needed=written == "needed")
        return kept_apart(dataset, self.once) if self.project.dataset.disjoint else dataset

    def query_weight(self, dataset: Dataset) -> float:
        """What an LLM-written query counts in training; 0: they are not used."""
        weight = self.project.queries.weight
        if weight is not None:
            return weight
        return 0.0 if dataset.judgements.get("train") else 1.0

    def _with_queries(self, dataset: Dataset, *, needed: bool) -> Dataset:
        section, weight = self.project.queries, self.query_weight(dataset)
        path = self.workspace(dataset).queries(section.name)
        files = [file for file in (path, rewordings(path)) if os.path.lexists(file)]
        if weight == 0 or not files:
            if weight and needed and section.weight:
                raise MissingArtifact(
                    f"There are no LLM-written queries {section.name!r} for {dataset.name} ({path})."
                    f"{instead(path, '--set queries.name=NAME')}",
                    hint=self.again("queries"),
                )
            if files and not dataset.judgements:
                raise UsageError(
                    f"{dataset.name} has no judged query, and those that an LLM wrote are left out "
                    f"(--synthetic-queries 0, or weight in [queries]): {near(path)}.",
                    hint="Leave that out: without real queries they count 1.",
                )
            return dataset
        if needed:  # else it is said what is stale
            self.tell_of_old_queries(dataset)
        of_dev = self.project.dataset
        written = [query for file in files for query in read_synthetic_queries(file)]
        found = with_queries(
            dataset,
            written,
            weight=weight,
            dev_fraction=of_dev.dev_fraction,
            dev_seed=of_dev.dev_seed,
            progress=self.once,
        )
        if found.synthetic:
            return found
        if needed and section.weight:
            raise MissingArtifact(
                f"None of {len(written)} LLM-written queries {section.name!r} can be used for {dataset.name} "
                f"({near(path)}).",
                hint=f"{self.again('queries').rstrip('.')}, or leave out --synthetic-queries.",
            )
        return dataset

    def tell_of_old_queries(self, dataset: Dataset) -> None:
        """Warn where the LLM-written queries are of other documents: an id may mean another text by now."""
        path = self.workspace(dataset).queries(self.project.queries.name)
        manifest = read_manifest(path) if path.is_file() else None
        written_for = manifest.inputs.get("corpus") if manifest else None
        if written_for and written_for != dataset.corpus.fingerprint:
            self.once.warn(
                f"{near(path)} was written for other documents than {dataset.name} has now: a query may "
                f"stand for a text that does not answer it. {self.again('queries')}"
            )

    @property
    def once(self) -> SaidOnce:
        """Who is told what is true of the data set, each sentence a single time."""
        return SaidOnce(self.progress, self.of_data)

    def _real(self) -> Dataset:
        if self.loaded is not None:
            return self.loaded
        self._need_imported()
        section = self.project.dataset
        return load_dataset(
            self.need_name(),
            data_dir=self.resolved.path(section.data_dir) if section.data_dir else None,
            folder=self.resolved.folder,
            cache=Workspace(self.work_dir, "").corpora,
            progress=self.once,
            **section.loading(),
        )

    def _need_imported(self) -> None:
        source, name = self.documents, self.need_name()
        if not source or name.startswith(ELSEWHERE) or self.project.dataset.data_dir:
            return
        folder = self.resolved.path(name)
        if not os.path.lexists(folder):
            shown = source if source.startswith(ELSEWHERE) else near(Path(source))
            command = f"syneg import {shlex.quote(shown)} --output {shlex.quote(near(folder))}"
            raise MissingArtifact(
                f"{name} is not made yet: its documents are to be imported from {shown}.",
                hint=f"`syneg run` makes it and goes on; `{command}` makes it alone.",
            )

    def workspace(self, dataset: Dataset) -> Workspace:
        return self.places(self.work_dir, dataset.name)

    def again(self, command: str, *flags: str) -> str:
        """The hint that names the next command, with the data set as this one was given."""
        named = self.resolved.origins.get("dataset.name") == "flag"
        parts = [command, shlex.quote(self.project.dataset.name or "")] if named else [command]
        return f"Run `syneg {' '.join([*parts, *flags])}`."

    def command(self, name: str) -> str:
        """The command with all settings that were given on this command line, for it to be called again."""
        rows = [(key, value) for key, value, origin in self.resolved.rows() if origin in ("flag", "--set")]
        words = [shlex.quote(str(value)) for key, value in rows if key == "dataset.name"]
        for key, value in rows:
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            if key != "dataset.name":
                words.append(f"--set {shlex.quote(f'{key}={text}')}")
        return " ".join(["syneg", name, *words])

    def named(self, key: str) -> bool:
        """Whether a setting was given on this command line."""
        return self.resolved.origins.get(key) in ("flag", "--set")

    def given(self, value: str) -> Path:
        """A file that a setting names: from the current folder, or from the project file's."""
        here = user_path(value)
        if here.is_file():
            return here.resolve()
        return here if here.is_symlink() else self.resolved.path(value)

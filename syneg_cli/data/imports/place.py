"""An import in its place: made beside it, exchanged as a whole with what an earlier import made there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    Manifest,
    NoProgress,
    Progress,
    UsageError,
    changed_since,
    check_dataset_name,
    check_owner,
    manifest_path,
    read_manifest,
    settle,
    staged,
    stale_reason,
    tidy,
    write_manifest,
)
from syneg_cli.data.imports.cutting import ByUnits, Counter, Cutter
from syneg_cli.data.imports.making import make_folder
from syneg_cli.data.imports.sources import Source, Wanted, open_source
from syneg_cli.data.imports.tally import Tally

STAGE = "import"
ENDING = "-data"
QRELS = "qrels"
JUDGED = "queries and judgements"


@dataclass(frozen=True)
class Imported:
    """A folder in BEIR layout, and what it was made of."""

    path: Path
    tally: Tally
    reason: str = ""
    """Why it was made now, or "up to date"."""
    seconds: float = 0.0
    skipped: bool = False

    def as_json(self) -> dict[str, Any]:
        place = {"stage": STAGE, "path": str(self.path), "skipped": self.skipped, "reason": self.reason}
        return place | {"seconds": self.seconds} | self.tally.as_json()


@dataclass(frozen=True)
class Importing:
    """An import that is about to be made."""

    source: Source
    path: Path
    counter: Counter | None = field(default_factory=ByUnits)
    """None where documents stay whole."""

    def plan(self) -> Manifest:
        """What the folder is made from."""
        wanted = self.source.wanted
        settings = {
            **wanted.settings.deciding(),
            "source": self.source.place.name if self.source.place else wanted.source,
            "query": wanted.query,
            "counted_by": self.counter.name if self.counter else "",
            "markitdown": _version("markitdown"),
        }
        return Manifest(STAGE, inputs=_inputs_of(self.source), settings=settings, paths=_given(wanted))


def _inputs_of(source: Source) -> dict[str, str]:
    """What an import reads. The hash of the documents is that of all: what changed alone is named first."""
    return {JUDGED: source.judged_fingerprint(), "documents": source.fingerprint()}


def _comparable(inputs: Mapping[str, str], there: Manifest | None) -> dict[str, str]:
    """Those that a manifest can be held against: an earlier version's has a hash of all together alone."""
    whole = there is None or JUDGED in there.inputs
    return {role: digest for role, digest in inputs.items() if whole or role != JUDGED}


def changed_input(source: Source, there: Manifest) -> str:
    """The first input that an import did not read as it is now; "" for none."""
    inputs = _comparable(_inputs_of(source), there)
    return next((role for role, digest in inputs.items() if there.inputs.get(role) != digest), "")


def _given(wanted: Wanted) -> dict[str, str]:
    """The files of queries and judgements that were named, for the import to be made again with them."""
    files = {"queries": wanted.queries} if wanted.queries else {}
    files |= {f"{QRELS} {number}": file for number, file in enumerate(wanted.qrels)}
    return {name: str(file.resolve()) for name, file in files.items()}


def as_before(wanted: Wanted, made: Manifest | None) -> Wanted:
    """The same, with the queries and judgements that an import of the same source was given last time.

    Whoever names a source alone (a project's [documents]) means it to go on as it was made, and not to lose
    what people judged.
    """
    place = Path(wanted.source).name, wanted.source
    if made is None or made.stage != STAGE or made.settings.get("source") not in place:
        return wanted
    qrels = sorted(name for name in made.paths if name.startswith(f"{QRELS} "))
    queries, query = made.paths.get("queries"), made.settings.get("query")
    return replace(
        wanted,
        query=query if isinstance(query, str) else None,
        queries=Path(queries) if queries else None,
        qrels=tuple(Path(made.paths[name]) for name in qrels),
    )


def prepared(
    wanted: Wanted, output: Path | None, progress: Progress | None = None, *, named_by: str = "--output"
) -> Source:
    """The source of an import, opened; it is checked that the folder may be put where it is wanted.

    Args:
        named_by: the option that puts it elsewhere; "" for none.

    Raises:
        UsageError: options do not go together, or the folder that would be written is not ours.
        DatasetError: the source is nowhere.
    """
    source = open_source(wanted, progress or NoProgress())
    path = output_of(source, output)
    check_dataset_name(path.resolve().name)
    check_owner(path, named_by)
    place = source.place.resolve() if source.place else None
    if place and (place == path.resolve() or place.is_relative_to(path.resolve())):
        raise UsageError(f"{path} is what is imported.", hint="Name another folder with --output.")
    return source


def output_of(source: Source, output: Path | None) -> Path:
    """Where the folder is put: as asked for, else the source's name with `-data` in the current folder."""
    return output or Path(f"{source.name}{ENDING}")


def carried_out(importing: Importing, progress: Progress | None = None, *, force: bool = False) -> Imported:
    """Make the folder, unless it is up to date. The caller keeps others from making it at the same time.

    Raises:
        UsageError, DatasetError: what is there, or what is read, is wrong; nothing is replaced.
    """
    progress = progress or NoProgress()
    path, source = importing.path, importing.source
    tidy(path)
    check_owner(path, "--output")
    there = read_manifest(path)
    plan = importing.plan()
    reason = "--force" if force else stale_reason(path, _comparable(plan.inputs, there), plan.settings)
    if reason is None and there:
        progress.note(f"{STAGE}: up to date, nothing to do ({path})")
        if changed_since(path, there):
            progress.warn(f"{path} was changed since it was made; it stays as it is, --force makes it again")
        elif plan.paths != there.paths:  # the same judgements, from where they are now
            write_manifest(path, replace(there, paths=plan.paths))
        return Imported(path, Tally.of(there.counts), "up to date", skipped=True)
    reason = reason or "not there yet"
    _need_nothing_lost(path, there, force=force)
    if there and there.counts.get("queries") and not source.files.queries:
        progress.warn(
            f"{path} had queries and judgements, and has none now; --queries and --qrels name them again"
        )
    progress.note(f"{STAGE}: running ({reason})")
    started = time.monotonic()
    tally = Tally(source=source.called, counted_by=importing.counter.name if importing.counter else "")
    with staged(path) as to:
        to.mkdir()
        make_folder(source, to, _cutter(importing), tally, progress)
        seconds = time.monotonic() - started
        settle(to, path, replace(plan, counts=tally.as_json(), seconds=round(seconds, 3)))
    return Imported(path, tally, reason, seconds)


def _need_nothing_lost(path: Path, there: Manifest | None, *, force: bool) -> None:
    """Raises UsageError where something would be lost that no import wrote."""
    if not path.is_dir():
        return
    hint = "Move it away, or name another folder (--output DIR)."
    if there is None or there.stage != STAGE:
        stage = f"a result of {there.stage}, not of {STAGE}" if there else "a folder with a broken manifest"
        raise UsageError(f"{path} is {stage}: it is not replaced.", hint=hint)
    known = {path / name for name in there.files} | {manifest_path(path)}
    files = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith("."))
    if own := [file.relative_to(path).as_posix() for file in files if file not in known]:
        shown = ", ".join(own[:5])
        raise UsageError(f"{path} holds what no import wrote, and would lose it: {shown}.", hint=hint)
    if changed_since(path, there) and not force:
        raise UsageError(
            f"{path} was changed since it was made, and the changes would be lost.",
            hint="Name another folder (--output DIR), or let them go with --force.",
        )


def _cutter(importing: Importing) -> Cutter | None:
    settings = importing.source.wanted.settings
    if importing.counter is None:
        return None
    return Cutter(importing.counter, settings.tokens, settings.overlap, settings.min_tokens)


def cuts(source: Source) -> bool:
    """Whether documents are cut, so that tokens are counted."""
    return not source.whole and source.wanted.settings.tokens > 0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

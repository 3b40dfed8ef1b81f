"""The embedding cache as a person sees it: what is in it, and what may go. `vector_store` has its files.

The latest change to any of the files of an entry is when it was last used.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from syneg_cli.core import SynegError, UsageError, did_you_mean
from syneg_cli.encoding.text_vectors import Paid, paid_for
from syneg_cli.encoding.vector_store import Labels, described

WRITING = timedelta(hours=1)
"""An incomplete entry that changed this lately may be in the making."""


@dataclass(frozen=True)
class Entry:
    """What a listing shows of one set of vectors. `bytes` is its size, `share` what is on disk of it."""

    key: str
    labels: Labels
    documents: int
    dimension: int
    bytes: int
    share: float
    created: datetime
    used: datetime
    paid: Paid | None = None
    """What the vectors cost, where a server made them."""

    @property
    def complete(self) -> bool:
        return self.share == 1

    @property
    def short_model(self) -> str:
        """A model's name; of a folder its last part, so that a table fits a terminal."""
        name = self.labels.model
        return Path(name).name if name and Path(name).is_absolute() else str(name or "")

    def may_be_in_the_making(self, now: datetime) -> bool:
        """Whether another process may be writing it."""
        return not self.complete and now - self.used < WRITING


def entries(cache: Path) -> list[Entry]:
    """Everything in the embedding cache, oldest first; what others put there is left out."""
    folders = [place for place in cache.iterdir() if _is_entry(place)] if cache.is_dir() else []
    return sorted(map(_entry, folders), key=lambda entry: (entry.created, entry.key))


def _is_entry(folder: Path) -> bool:
    known = any((folder / name).is_file() for name in ("entry.json", "vectors.npy"))
    return re.fullmatch("[0-9a-f]{24}", folder.name) is not None and known and not folder.is_symlink()


def _entry(folder: Path) -> Entry:
    """An entry; one killed while it was made has no entry.json, and 0 documents."""
    data = described(folder)
    rows, columns = data.get("shape", (0, 0))
    stats = list(_stats(folder))
    times = [datetime.fromtimestamp(stat.st_mtime, timezone.utc) for stat in stats]
    used = max(times, default=datetime.now(timezone.utc))
    return Entry(
        key=folder.name,
        labels=Labels(**{name: data.get(name) for name in Labels.__dataclass_fields__}),
        documents=rows,
        dimension=columns,
        bytes=sum(stat.st_size for stat in stats),
        share=_share(folder) if data else 0.0,
        created=datetime.fromisoformat(data["created"]) if "created" in data else min(times, default=used),
        used=used,
        paid=paid_for(folder),
    )


def _share(folder: Path) -> float:
    """Of its blocks, how many are on disk."""
    try:
        finished = (folder / "finished").read_bytes()
    except OSError:
        return 0.0
    return finished.count(1) / len(finished) if finished else 0.0


def _stats(folder: Path) -> Iterator[os.stat_result]:
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # a temporary file that another process just renamed
            yield file.stat()


def remove(cache: Path, chosen: Iterable[Entry]) -> None:
    """Delete entries. What describes one goes first, so that a half deleted one is never read.

    Raises:
        SynegError: one cannot be deleted.
    """
    for entry in chosen:
        try:
            (cache / entry.key / "entry.json").unlink(missing_ok=True)
            shutil.rmtree(cache / entry.key)
        except OSError as error:
            raise SynegError(f"{cache / entry.key} cannot be deleted: {error.strerror}.") from error


@dataclass(frozen=True)
class Choice:
    """Which entries are meant: all that fit everything that is given."""

    keys: tuple[str, ...] = ()
    """Starts of keys."""
    model: str | None = None
    older_than: float | None = None
    """Days since the last use."""
    incomplete: bool = False
    """Only what a stopped run left unfinished."""

    @property
    def given(self) -> bool:
        return bool(self.keys or self.model or self.older_than is not None or self.incomplete)


def choose(found: Sequence[Entry], choice: Choice, now: datetime) -> tuple[list[Entry], list[Entry]]:
    """(entries that are meant, entries that fit and are kept, because another process may be writing them).

    Raises:
        UsageError: a key fits no entry, or several, or no entry is of the model.
    """
    models = sorted({entry.short_model for entry in found})
    if choice.model is not None and not any(_is_of(entry, choice.model) for entry in found):
        there = f"There are vectors of: {', '.join(models)}." if models else "No vectors are kept."
        near = did_you_mean(choice.model, models)
        raise UsageError(f"--model: no vectors of {choice.model!r} are kept.{near}", hint=there)
    named = _by_key(found, choice.keys) if choice.keys else found
    chosen = [entry for entry in named if _fits(entry, choice, now)]
    busy = [] if choice.keys else [entry for entry in chosen if entry.may_be_in_the_making(now)]
    return [entry for entry in chosen if entry not in busy], busy


def _by_key(found: Sequence[Entry], keys: Sequence[str]) -> list[Entry]:
    chosen: dict[str, Entry] = {}
    for key in keys:
        same = {entry.key: entry for entry in found if entry.key.startswith(key)}
        if len(same) != 1:
            many = f"{len(same)} entries have keys" if same else "no entry has a key"
            raise UsageError(f"{many} that start with {key!r}.", hint="`syneg cache embeddings` shows keys.")
        chosen |= same
    return list(chosen.values())


def _is_of(entry: Entry, model: str) -> bool:
    return model in (entry.labels.model, entry.short_model)


def _fits(entry: Entry, choice: Choice, now: datetime) -> bool:
    old = choice.older_than is None or now - entry.used >= timedelta(days=choice.older_than)
    named = choice.model is None or _is_of(entry, choice.model)
    return named and old and not (choice.incomplete and entry.complete)

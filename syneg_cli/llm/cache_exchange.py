"""Answers in and out of a cache: exports in the replay format, imports, merges, statistics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from syneg_cli.core import SynegError, UsageError, brief, did_you_mean, json_lines, need_file, write_jsonl
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.stored import OK, STATUSES, Stored

BLOCK = 1000
OWN_FIELDS = tuple(f.name for f in fields(Stored))


NEEDED = tuple(f.name for f in fields(Stored) if f.default is MISSING and f.default_factory is MISSING)
EXPORTED = "Give a file that `syneg cache export` wrote, as it wrote it."


def stats(cache: Cache) -> list[dict[str, Any]]:
    """One row per model and prompt: answers, bad ones, tokens, dollars (None where unpriced)."""
    query = """
        SELECT provider || ':' || model AS llm, prompt, COUNT(*) AS answers,
               SUM(status != 'ok') AS bad, SUM(prompt_tokens) AS prompt_tokens,
               SUM(completion_tokens) AS completion_tokens,
               CASE WHEN SUM(cost_usd IS NULL) THEN NULL ELSE SUM(cost_usd) END AS cost_usd
        FROM answers GROUP BY provider, model, prompt ORDER BY provider, model, prompt
    """
    return cache.file.dicts(query)


def other_servers(cache: Cache, identity: Mapping[str, str], prompt: str) -> dict[str, int]:
    """Endpoint -> answers of the same model to a prompt, where none is from the server that is asked now."""
    rows = cache.file.select(
        "SELECT endpoint, COUNT(*) FROM answers WHERE provider = ? AND model = ? AND prompt = ? "
        "GROUP BY endpoint",
        [identity["provider"], identity["model"], prompt],
    )
    found = dict(rows)
    return {} if identity["endpoint"] in found else found


def find(cache: Cache, key: str) -> Stored:
    """The one answer whose key starts so.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = {row.key: row for row in cache.rows("key LIKE ? || '%'", [key])}
    if len(found) != 1:
        many = f"{len(found)} answers have keys that start" if found else "No answer has a key that starts"
        raise UsageError(f"{many} with {key!r}.", hint="`syneg cache list` shows keys.")
    return next(iter(found.values()))


@dataclass(frozen=True)
class Filters:
    """Which answers are meant: those that fit all that is given. A model is `llama3` or `ollama:llama3`."""

    prompt: str | None = None
    model: str | None = None
    status: str | None = None

    @property
    def given(self) -> bool:
        return (self.prompt, self.model, self.status) != (None, None, None)

    def where(self, cache: Cache) -> tuple[str, tuple[str, ...]]:
        """A condition for `cache.rows`, and its values.

        Raises:
            UsageError: there is no such status, or no answer to the prompt or of the model.
        """
        if self.status is not None and self.status not in STATUSES:
            near = did_you_mean(self.status, STATUSES)
            hint = f"An answer is one of {', '.join(STATUSES)}."
            raise UsageError(f"--status: there is no {self.status!r}.{near}", hint=hint)
        named = "provider || ':' || model"
        _check_known(cache, "--prompt", self.prompt, ["prompt"])
        _check_known(cache, "--model", self.model, [named, "model"])
        conditions = {
            "prompt = ?": self.prompt,
            f"? IN (model, {named})": self.model,
            "status = ?": self.status,
        }
        used = {condition: value for condition, value in conditions.items() if value is not None}
        return " AND ".join(used) or "1", tuple(used.values())


def _check_known(cache: Cache, flag: str, value: str | None, columns: Sequence[str]) -> None:
    """Raises UsageError where no answer has this value in any of the columns; names those of the first."""
    if value is None:
        return
    known = [
        [str(row["x"]) for row in cache.file.dicts(f"SELECT DISTINCT {column} AS x FROM answers ORDER BY x")]
        for column in columns
    ]
    if any(value in names for names in known):
        return
    near = did_you_mean(value, [name for names in known for name in names])
    there = f"There are answers for: {', '.join(known[0])}." if known[0] else "It holds no answer."
    raise UsageError(f"{flag}: the cache has no answer for {value!r}.{near}", hint=there)


def as_replay(stored: Stored) -> dict[str, Any]:
    """An answer as a line of the replay format, with everything else the cache knows of it."""
    line: dict[str, Any] = {
        "query_id": stored.query_id,
        "doc_id": stored.doc_id,
        "prompt": stored.prompt,
        "attributes": stored.drawn,
        "n": stored.n,
        "words": stored.words,
        "response": stored.response,
    }
    if stored.number is not None:
        line["index"] = stored.number
    rest = {name: getattr(stored, name) for name in OWN_FIELDS if name not in line and name != "number"}
    return line | rest


def from_replay(line: Mapping[str, Any], where: str) -> Stored:
    """The answer of an exported line.

    Raises:
        UsageError: the line is not from an export, so that nobody knows what was asked.
    """
    missing = [name for name in ("key", "provider", "model", "response", "status") if name not in line]
    if missing:
        raise UsageError(
            f"{where}: no {', '.join(missing)}: this is no export of a cache.",
            hint="Recorded answers of another origin are used with `--llm replay:FILE`.",
        )
    values = {name: line[name] for name in OWN_FIELDS if name in line} | {"number": line.get("index")}
    values["attributes"] = json.dumps(line.get("attributes") or {}, ensure_ascii=False)
    if lacking := [name for name in NEEDED if name not in values]:
        raise UsageError(f"{where}: no {', '.join(lacking)}.", hint=EXPORTED)
    if values["status"] not in STATUSES:
        raise UsageError(f"{where}: status cannot be {brief(values['status'])}.", hint=EXPORTED)
    try:
        stored = Stored(**values)
        _ = stored.asked, stored.drawn
    except SynegError as error:
        raise UsageError(f"{where}: {error.message}", hint=EXPORTED) from None
    return stored


def export(cache: Cache, path: Path, where: str = "1", values: tuple[Any, ...] = ()) -> int:
    """Write the good answers that match, in the replay format; returns how many."""
    return write_jsonl(path, (as_replay(row) for row in cache.rows(f"status = '{OK}' AND ({where})", values)))


def import_file(cache: Cache, path: Path) -> tuple[int, int]:
    """(new answers, answers read) of an export. Nothing is stored if a line is wrong."""
    read = sum(1 for _ in _read_lines(path))  # and checked, before the first is stored
    return _add(cache, _read_lines(path)), read


def merge(cache: Cache, other: Path) -> tuple[int, int]:
    """(new answers, answers read) of another cache; that one is left as it is, but for migrations.

    Raises:
        UsageError: it is not there.
    """
    need_file(other, UsageError, hint="Give the generations.db of another work directory.")
    read = added = 0
    with Cache(other) as source:
        for block in _blocks(source.rows()):
            read += len(block)
            added += cache.add(block)
    return added, read


def _add(cache: Cache, rows: Iterable[Stored]) -> int:
    return sum(cache.add(block) for block in _blocks(rows))


def _blocks(rows: Iterable[Stored]) -> Iterator[list[Stored]]:
    block: list[Stored] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _read_lines(path: Path) -> Iterator[Stored]:
    need_file(path, UsageError, hint="Give a file that `syneg cache export` wrote.")
    return (from_replay(row, f"{path}, line {number}") for number, row in json_lines(path, UsageError))

"""Keyword arguments as settings, and what the steps keep in the work directory."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from syneg_cli.core import (
    Advance,
    MinedNegative,
    Run,
    Section,
    SyntheticNegative,
    SyntheticQuery,
    UsageError,
    Workspace,
    did_you_mean,
    weigh,
)
from syneg_cli.data import Dataset
from syneg_cli.llm import Cache, CallSettings, Engine, Limits, Stats, Tick, embedding_api, settled_price

WORK_DIR = Path(".syneg")
S = TypeVar("S", bound=Section)


def need_dataset(value: object) -> None:
    """Raises UsageError where a data set is named instead of loaded."""
    if not isinstance(value, Dataset):
        raise UsageError(f"{value!r} is not a data set.", hint="Load it first: data = load_dataset(NAME).")


def need_written(queries: Iterable[SyntheticQuery]) -> list[SyntheticQuery]:
    """LLM-written queries as a list; a single one counts, too.

    Raises:
        UsageError: something is none.
    """
    if isinstance(queries, SyntheticQuery):
        return [queries]
    found = list(queries) if isinstance(queries, Iterable) else [queries]
    for query in found:
        if not isinstance(query, SyntheticQuery):
            raise UsageError(f"{query!r} is no LLM-written query.", hint="write_queries gives them.")
    return found


def listed(negatives: Iterable[Any], called: str = "negatives") -> list[Any]:
    """Negatives as a list; a single one counts, too.

    Raises:
        UsageError: there is nothing to go through.
    """
    if isinstance(negatives, (SyntheticNegative, MinedNegative)):
        return [negatives]
    if not isinstance(negatives, Iterable):
        raise UsageError(
            f"{called}: {negatives!r} is no list of negatives.", hint="generate and mine give them."
        )
    return list(negatives)


def need_text(name: str, value: object) -> None:
    """Raises UsageError where something is no text, or an empty one."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{name}: expected a text, not {value!r}.")


def need_local(name: object) -> None:
    """Raises UsageError for an encoder behind an API: its costs and caps are those of the commands."""
    if isinstance(name, str) and embedding_api(name) is not None:
        raise UsageError(
            f"{name} is behind an API, and in Python encoders run here.",
            hint="Name an alias, a folder or a hub id. In the shell `mine`, `verify` and `eval` take one "
            "behind an API, with what it costs shown and capped.",
        )


def need_records(dataset: Dataset, negatives: Iterable[object]) -> None:
    """Raises UsageError where something is no negative of this data set."""
    for negative in negatives:
        if not isinstance(negative, (SyntheticNegative, MinedNegative)):
            raise UsageError(f"{negative!r} is not a negative.", hint="See syneg_cli.core.MinedNegative.")
        doc_id = negative.doc_id if isinstance(negative, MinedNegative) else negative.positive_id
        if negative.query_id not in dataset.queries or doc_id not in dataset.corpus:
            raise UsageError(
                f"A negative names query {negative.query_id!r} and document {doc_id!r}; "
                f"{dataset.name} does not have both."
            )


def checked_run(run: Mapping[Any, Any]) -> Run:
    """A run with finite scores.

    Raises:
        UsageError: it is not query -> document -> score.
    """
    for query_id, scores in run.items():
        fine = isinstance(scores, Mapping) and all(
            isinstance(doc_id, str) and isinstance(score, Real) and math.isfinite(score)
            for doc_id, score in scores.items()
        )
        if not isinstance(query_id, str) or not fine:
            raise UsageError(
                f"The run of query {query_id!r} is not a table of documents and finite scores.",
                hint='A run is {"query id": {"document id": 1.5}}.',
            )
    return dict(run)


def settings_from(
    section: type[S], given: Mapping[str, Any], *, leave_out: Collection[str] = (), **more: Any
) -> S:
    """A section from keyword arguments.

    Args:
        leave_out: settings that mean nothing here.

    Raises:
        UsageError: there is no such setting, or its value is wrong.
    """
    known = [key for key in section.model_fields if key not in leave_out]
    for key in given:
        if key not in known:
            raise UsageError(
                f"There is no setting {key!r} here.{did_you_mean(key, known)}",
                hint=f"There are: {', '.join(known)}.",
            )
    values = {key: str(v) if isinstance(v, PathLike) else v for key, v in {**given, **more}.items()}
    try:
        made = section.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        likely = did_you_mean(str(first["input"]), _choices(first))
        raise UsageError(f"{where}: {said}, not {first['input']!r}.{likely}") from None
    for key, value in values.items():
        if isinstance(value, bool) and not isinstance(getattr(made, key), bool):
            raise UsageError(f"{key}: expected a number, not {value!r}.")  # True would count as 1
    return made


def _choices(error: Mapping[str, Any]) -> list[str]:
    """The values that pydantic says it expected."""
    return re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected", "")))


def embeddings(work_dir: str | Path) -> Path:
    return Workspace(Path(work_dir), "").embeddings


def answers(settings: CallSettings, work_dir: str | Path) -> Cache:
    return Cache(Path(settings.cache) if settings.cache else Workspace(Path(work_dir), "").generations)


def engine_for(settings: CallSettings, model: Any, cache: Cache, job: str) -> Engine:
    price = settled_price(settings, model)
    return Engine(model, cache, price=price, job=job, limits=Limits.of(settings))


def ticking(advance: Advance) -> Tick:
    """Turn the statistics of calls into steps of progress."""
    done = 0

    def tick(stats: Stats) -> None:
        nonlocal done
        weigh(advance, *stats.work, steps=stats.answered, at_once=stats.in_flight)
        advance(stats.done - done)
        done = stats.done

    return tick

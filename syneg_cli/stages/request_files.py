"""--batch-write and --batch-read: what a job asks, as a file for whoever sends it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import Advance, check_free
from syneg_cli.llm import (
    LLM,
    Cache,
    Came,
    Classify,
    Engine,
    Item,
    Limits,
    Written,
    batch_price,
    read_answers,
    run,
    settled_price,
    write_requests,
)
from syneg_cli.stages import language_model
from syneg_cli.stages.session import Session


@dataclass(frozen=True)
class Requests:
    """All that a job asks.

    Args:
        items: (cache, whether what has a bad answer is asked anew) -> the requests in chunks; what is
            recorded before the next chunk is drawn counts.
        again: ask again for answers that could not be used.
    """

    session: Session
    llm: LLM
    job: str
    items: Callable[[Cache, bool], Iterable[list[Item]]]
    classify: Classify
    again: bool = False

    def write(self, path: Path, *, force: bool) -> Written:
        """Write those that the cache does not answer; nothing is sent, and nothing reserved.

        Raises:
            UsageError: a file is there, and not to be replaced.
            BudgetExceeded: not one fits under the caps.
        """
        check_free(path, force=force)
        watch = self.session.progress.task("writing requests", None, "requests")
        with self._engine(again=self.again) as engine, watch as advance:
            return write_requests(path, _told(self.items(engine.cache, self.again), advance), engine)

    def read(self, files: Sequence[Path]) -> Came:
        """Keep the answers in files.

        Raises:
            UsageError: a file cannot be read, or none holds an answer to what is asked.
        """
        watch = self.session.progress.task("reading answers", None, "requests")
        with self._engine() as engine, watch as advance:
            return read_answers(files, _told(self.items(engine.cache, False), advance), engine, self.classify)

    @contextmanager
    def _engine(self, *, again: bool = False) -> Iterator[Engine]:
        section = self.session.project.generate
        price = batch_price(self.llm, settled_price(section, self.llm))
        limits = Limits.of(section)
        with language_model.open_cache(self.session) as cache:
            try:
                yield Engine(self.llm, cache, price=price, job=self.job, limits=limits, again=again)
            finally:
                run(_close(self.llm))


def _told(chunks: Iterable[list[Item]], advance: Advance) -> Iterator[list[Item]]:
    for chunk in chunks:
        yield chunk
        advance(len(chunk))


async def _close(llm: LLM) -> None:
    await llm.close()

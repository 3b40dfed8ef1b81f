"""The vectors of some texts, brought into the cache: from what it knows, then from the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from syneg_cli.core import (
    BudgetExceeded,
    LLMError,
    Progress,
    SynegError,
    UsageError,
    counted,
    money,
    write_bytes,
)
from syneg_cli.encoding.settings import EmbedSettings
from syneg_cli.encoding.text_vectors import (
    HASH_BYTES,
    dimension_of,
    known_vectors,
    note_paid,
    text_hash,
    write_rows,
)
from syneg_cli.encoding.vector_store import Labels, Store, open_store
from syneg_cli.llm import (
    CHARS_PER_TOKEN,
    MOST_TOKENS,
    Cache,
    Embedded,
    Embedder,
    Embedding,
    Limits,
    Price,
    Tick,
    TooLong,
    TooMany,
    Unanswerable,
    Wanted,
    drive,
    embedding_price,
    most_inputs,
    open_embedder,
)

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1024
"""Texts that are looked through at a time."""

DENSE_BYTES = 3
"""UTF-8 bytes of a token where a language has most of them: what fills a request."""

SHARE_OF_CAP = 0.1
"""What one request may reserve of a cap in dollars, so that a cap is nearly used up before it stops."""

SHORTEST = 32
"""Letters; a server that takes no text as short takes none."""

KEPT = "The vectors that came are stored, and not paid for again: the same command asks for the rest."


@dataclass(frozen=True)
class Texts:
    """What is to be encoded, by row."""

    count: int
    get: Callable[[Sequence[int]], list[str]]
    prompt: str
    max_length: int

    def sent(self, rows: Sequence[int]) -> list[str]:
        """The texts as they are sent: behind the prompt, and no longer than max_length; "" stays as it is."""
        most = int(self.max_length * CHARS_PER_TOKEN)
        return [f"{self.prompt}{text}"[:most] if text.strip() else "" for text in self.get(rows)]

    def cut(self, rows: Sequence[int]) -> int:
        most = int(self.max_length * CHARS_PER_TOKEN)
        return sum(len(self.prompt) + len(text) > most for text in self.get(rows))


@dataclass(frozen=True)
class Terms:
    """How a server may be asked: limits of speed and money, where they are counted, and who looks on."""

    limits: Limits
    answers: Callable[[], Cache]
    """Opens the file in which calls are claimed and counted."""
    job: str
    """What totals and caps are counted for, over all runs."""
    locks: Path
    """Folder of the locks that keep two processes from asking for the same."""
    watch: Callable[[str, float | None, str], AbstractContextManager[Tick | None]]


class Asker(Protocol):
    """What of an encoder decides how it is asked."""

    name: str
    settings: EmbedSettings
    terms: Terms
    cache: Path

    @property
    def fingerprint(self) -> str: ...


class Asking:
    """One list of texts on its way into the cache.

    Args:
        key: what the list is known by, prompt included.
        label: what people call it.
    """

    def __init__(self, encoder: Asker, key: str, texts: Texts, label: str, progress: Progress) -> None:
        self.encoder, self.key, self.texts, self.label = encoder, key, texts, label
        self.progress = progress
        self.store: Store | None = None
        self.rows: dict[bytes, list[int]] = {}
        """Hash of a text -> the rows that still need its vector."""
        self.most = encoder.settings.batch_size
        self.shortened: set[int] = set()
        self.failed: SynegError | None = None
        self.llm: Embedder
        self.price: Price | None = None

    def entry(self, dimension: int) -> tuple[Path, str, str, tuple[int, int], int, Labels]:
        """The arguments of `open_store`: a row a block, so that whatever came is kept."""
        own = self.encoder
        labels = Labels(own.name, "api", own.settings.max_length, self.label)
        return own.cache, own.fingerprint, self.key, (self.texts.count, dimension), 1, labels

    @cached_property
    def hashes(self) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, self.texts.count, BLOCK):
            rows = range(start, min(start + BLOCK, self.texts.count))
            found += map(text_hash, self.texts.sent(rows))
        return found

    def fill(self) -> None:
        """Make the entry whole. Raises as `ApiEncoder.encode_corpus`."""
        own = self.encoder
        dimension = own.settings.dimensions or dimension_of(own.cache, own.fingerprint)
        if dimension is not None and not self._open(dimension).pending():
            return
        for row in self.store.pending() if self.store else range(self.texts.count):
            self.rows.setdefault(self.hashes[row], []).append(row)
        self._take_known()
        first = [rows[0] for hashed, rows in self.rows.items() if hashed != text_hash("")]
        if first:
            self._ask(sorted(first))
        elif self.store is None:
            raise UsageError(f"{self.label}: every text is empty, so there is nothing to embed.")
        self._zeros()

    def _open(self, dimension: int) -> Store:
        self.store = open_store(*self.entry(dimension), progress=self.progress)
        texts = self.store.folder / "texts"
        if not texts.is_file() or texts.stat().st_size != self.texts.count * HASH_BYTES:
            write_bytes(texts, b"".join(self.hashes))
        return self.store

    def _take_known(self) -> None:
        """What the cache has of the same texts, in whichever entry."""
        if self.store is None:
            return
        for hashes, vectors in known_vectors(self.encoder.cache, self.encoder.fingerprint, self.rows):
            self._write(zip(hashes, vectors, strict=True))

    def _zeros(self) -> None:
        """An empty text is close to nothing."""
        import numpy as np

        empty = len(self.rows.get(text_hash(""), ()))
        if empty and self.store is not None:
            self._write([(text_hash(""), np.zeros(self.store.shape[1], dtype=np.float32))])
            self.progress.note(
                f"{self.label}: {counted(empty, 'empty text')} not sent: their vectors are zeros"
            )

    def _write(self, found: Any) -> None:
        assert self.store is not None
        write_rows(self.store, {row: vector for one, vector in found for row in self.rows.pop(one, ())})

    def _ask(self, rows: list[int]) -> None:
        own, terms = self.encoder, self.encoder.terms
        self.llm = open_embedder(
            own.name,
            base_url=own.settings.base_url,
            timeout=terms.limits.timeout,
            dimensions=own.settings.dimensions,
        )
        self.llm.tell = self.progress.warn
        self.llm.known = self.store.shape[1] if self.store else None
        self.price = embedding_price(
            self.llm, own.settings.price, max_cost=terms.limits.max_cost, named=own.name
        )
        self._say_before(rows)
        with terms.answers() as answers:
            engine = Embedding(
                self.llm, answers, price=self.price, job=terms.job, limits=terms.limits, keep=self._keep
            )
            engine.stats.total = len(rows)
            try:
                self._drive(engine, rows)
            finally:
                self._say_after(engine)

    def _drive(self, engine: Embedding, rows: list[int]) -> None:
        """Ask for all rows. Whatever stops it, what is in flight is finished and kept first."""

        async def work(wanted: Wanted) -> None:
            try:
                await self._embed(engine, wanted)
            except BudgetExceeded:
                raise
            except LLMError as error:
                self.failed = self.failed or error
                engine.stop()

        limits = engine.limits
        try:
            with self.encoder.terms.watch(f"embed {self.label}", limits.max_cost, "texts") as tick:
                drive(engine, self._requests(rows), work, tick)
        except BudgetExceeded as error:
            raise BudgetExceeded(error.message, hint=f"Raise the cap. {KEPT}") from None
        except KeyboardInterrupt:
            if self.failed is None:
                self.progress.note(f"embed {self.label}: {KEPT[0].lower()}{KEPT[1:].rstrip('.')}")
                raise
        if self.failed is not None:
            raise self.failed

    def _requests(self, rows: list[int]) -> Iterator[Wanted]:
        """Requests within the server's bounds, made when it is their turn: bounds are learned meanwhile."""
        largest = largest_request(self.encoder.terms.limits.max_cost, self.price)
        chosen: list[tuple[int, str]] = []
        size = 0
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            for row, text in zip(part, self.texts.sent(part), strict=True):
                own = len(text.encode("utf-8", "surrogatepass"))
                most = most_inputs(self.most, self.store.shape[1] if self.store else None)
                if chosen and (size + own > largest or len(chosen) >= most):
                    yield _wanted(chosen)
                    chosen, size = [], 0
                chosen.append((row, text))
                size += own
        if chosen:
            yield _wanted(chosen)

    async def _embed(self, engine: Embedding, wanted: Wanted) -> None:
        """Ask; in smaller parts where the server takes no more at once, or no text as long."""
        pairs = list(zip(wanted.rows, wanted.texts, strict=True))
        try:
            await engine.embed(wanted)
        except Unanswerable as error:
            if len(pairs) > 1:
                half = len(pairs) // 2
                if isinstance(error, TooMany):
                    self.most = min(self.most, half)
                for part in (pairs[:half], pairs[half:]):
                    await self._embed(engine, _wanted(part))
                return
            row, text = pairs[0]
            if not isinstance(error, TooLong) or isinstance(error, TooMany) or len(text) // 2 < SHORTEST:
                raise LLMError(
                    f"{error.message} That is text {row + 1} of {self.label}.", hint=KEPT
                ) from None
            self.shortened.add(row)
            await self._embed(engine, _wanted([(row, text[: len(text) // 2])]))
        else:
            engine.stats.done += len(pairs)

    def _keep(self, wanted: Wanted, answer: Embedded, usd: float | None) -> None:
        vectors: np.ndarray = answer.vectors
        store = self.store or self._open(vectors.shape[1])
        self.llm.known = vectors.shape[1]
        self._write((self.hashes[row], vector) for row, vector in zip(wanted.rows, vectors, strict=True))
        note_paid(store.folder, answer.prompt_tokens, usd)

    def _say_before(self, rows: list[int]) -> None:
        characters = cut = 0
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            characters += sum(map(len, self.texts.sent(part)))
            cut += self.texts.cut(part)
        tokens = characters / CHARS_PER_TOKEN
        known = self.texts.count - len(rows)
        usd = None if self.price is None else self.price.cost(tokens, 0)
        cost = "free" if self.llm.free else money(usd)
        cap = self.encoder.terms.limits.max_cost
        self.progress.note(
            f"embed {self.label}: {counted(len(rows), 'text')} with {self.encoder.name}, about "
            f"{tokens:,.0f} tokens, {cost}"
            + (f" (cap {money(cap)})" if cap else "")
            + (f"; {known} are known, empty or the same as others" if known else "")
        )
        if cut:
            self.progress.warn(
                f"embed {self.label}: {counted(cut, 'text')} longer than {self.texts.max_length} tokens "
                f"(at {CHARS_PER_TOKEN:g} letters each): their beginnings are embedded"
            )

    def _say_after(self, engine: Embedding) -> None:
        stats = engine.stats
        totals = engine.cache.totals(engine.job)
        spent = None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd
        cost = "free" if self.llm.free else money(None if stats.unpriced else stats.cost_usd)
        so_far = f"; all runs so far: {money(spent)}" if not self.llm.free else ""
        self.progress.note(
            f"embed {self.label}: {stats.done} of {stats.total} texts came, "
            f"{counted(stats.answered, 'request')}, {stats.prompt_tokens:,} tokens, {cost}{so_far}"
        )
        if self.shortened:
            self.progress.warn(
                f"embed {self.label}: {counted(len(self.shortened), 'text')} longer than the server takes: "
                "the longest beginning that it took, by halves, is embedded"
            )


def largest_request(max_cost: float | None, price: Price | None) -> int:
    """Bytes of texts that go into one request, if there is more than one text."""
    largest = MOST_TOKENS * DENSE_BYTES
    if max_cost is not None and price is not None and price.input:
        return min(largest, int(max_cost * SHARE_OF_CAP / price.input))
    return largest


def _wanted(pairs: Sequence[tuple[int, str]]) -> Wanted:
    return Wanted.of([row for row, _ in pairs], [text for _, text in pairs])

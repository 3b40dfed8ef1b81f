"""A retrieval data set in BEIR layout, by name or by folder.

    corpus.jsonl         {"_id", "title", "text"}
    queries.jsonl        {"_id", "text"}
    qrels/<split>.tsv    query-id <tab> corpus-id <tab> score, with a header

The corpus is validated and converted once to an Arrow file and read memory-mapped from
then on, so that it may be larger than memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from syneg_cli.artifacts import content_hash, file_hash, json_lines
from syneg_cli.errors import DatasetError, UsageError, did_you_mean
from syneg_cli.presets import GENERIC, PRESETS
from syneg_cli.progress import NoProgress, Progress
from syneg_cli.records import Pair, Passage, Qrels, Query

BEIR_URL = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{name}.zip"
BEIR_NAMES = (
    "arguana",
    "climate-fever",
    "cqadupstack",
    "dbpedia-entity",
    "fever",
    "fiqa",
    "germanquad",
    "hotpotqa",
    "mmarco",
    "mrtydi",
    "msmarco",
    "msmarco-v2",
    "nfcorpus",
    "nq",
    "nq-train",
    "quora",
    "scidocs",
    "scifact",
    "trec-covid",
    "trec-covid-beir",
    "trec-covid-v2",
    "vihealthqa",
    "webis-touche2020",
)
LAYOUT_HINT = "A data set folder holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv (BEIR layout)."
BATCH_ROWS = 10_000


class Corpus:
    """Documents in file order, memory-mapped. Rows are positions from 0."""

    def __init__(self, table: Any, fingerprint: str, name: str = "") -> None:
        self._table = table
        self.fingerprint = fingerprint
        self.name = name
        self.ids: list[str] = table.column("id").to_pylist()

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, doc_id: str) -> bool:
        return doc_id in self._rows

    def __getitem__(self, doc_id: str) -> Passage:
        row = self._rows[doc_id]
        return Passage(
            doc_id, self._table.column("title")[row].as_py(), self._table.column("text")[row].as_py()
        )

    def row(self, doc_id: str) -> int:
        return self._rows[doc_id]

    def texts(self, rows: Sequence[int] | None = None) -> list[str]:
        """What is encoded (title, space, text) of the given rows, or of all."""
        table = self._table if rows is None else self._table.take(list(rows))
        return [
            f"{title} {text}".strip()
            for title, text in zip(
                table.column("title").to_pylist(), table.column("text").to_pylist(), strict=True
            )
        ]

    def blocks(self, size: int = BATCH_ROWS) -> Iterator[tuple[int, list[str]]]:
        """(first row, texts) of consecutive blocks, so that the whole is never in memory."""
        for start in range(0, len(self), size):
            yield start, self.texts(range(start, min(start + size, len(self))))

    def identical(self, doc_id: str) -> frozenset[str]:
        """The ids of all documents with the same text as this one, itself included."""
        return self._identical.get(doc_id, frozenset({doc_id}))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {doc_id: row for row, doc_id in enumerate(self.ids)}

    @cached_property
    def _identical(self) -> dict[str, frozenset[str]]:
        groups: dict[bytes, list[str]] = {}
        for start, texts in self.blocks():
            for offset, text in enumerate(texts):
                digest = hashlib.blake2b(normalised(text).encode(), digest_size=12).digest()
                groups.setdefault(digest, []).append(self.ids[start + offset])
        return {doc_id: frozenset(same) for same in groups.values() if len(same) > 1 for doc_id in same}


def normalised(text: str) -> str:
    """Case and white space folded: two texts that are equal so count as identical."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True)
class Dataset:
    """A corpus with queries, judgements by split, and what its makers call relevant."""

    name: str
    folder: Path
    corpus: Corpus
    queries: Mapping[str, Query]
    judgements: Mapping[str, Qrels]
    """Split -> qrels; always has "train" and "dev" where there is anything to train on."""
    relevance: str
    attributes: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)

    def qrels(self, split: str) -> Qrels:
        """The judgements of a split.

        Raises:
            DatasetError: the data set has no such split.
        """
        if split not in self.judgements:
            raise DatasetError(
                f"{self.name} has no split {split!r}.{did_you_mean(split, list(self.judgements))}",
                hint=f"It has: {', '.join(self.judgements)}.",
            )
        return self.judgements[split]

    def pairs(self, split: str) -> list[Pair]:
        """(query, positive) for every relevant judgement of a split, in file order."""
        return [
            Pair(query_id, doc_id)
            for query_id, grades in self.qrels(split).items()
            for doc_id, grade in grades.items()
            if grade > 0
        ]

    @cached_property
    def _positives(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for qrels in self.judgements.values():
            for query_id, grades in qrels.items():
                found.setdefault(query_id, set()).update(d for d, grade in grades.items() if grade > 0)
        return {query_id: frozenset(doc_ids) for query_id, doc_ids in found.items()}

    def positives(self, query_id: str) -> frozenset[str]:
        """Every document judged relevant to the query, in any split."""
        return self._positives.get(query_id, frozenset())

    def excluded(self, query_id: str) -> frozenset[str]:
        """What may never be a negative of the query: its positives and texts identical to one."""
        return frozenset(
            same for doc_id in self.positives(query_id) for same in self.corpus.identical(doc_id)
        )

    def inputs(self, split: str) -> dict[str, str]:
        """Role -> content hash of what a stage over this split reads, for manifests."""
        return {
            "corpus": self.corpus.fingerprint,
            "queries": self.hashes["queries"],
            f"{split} qrels": content_hash({q: dict(d) for q, d in self.qrels(split).items()}),
        }


def load_dataset(
    name: str | None,
    *,
    data_dir: Path | None = None,
    folder: Path | None = None,
    cache: Path,
    dev_fraction: float = 0.1,
    dev_seed: int = 0,
    relevance: str | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Find (or download), validate and open a data set.

    Args:
        name: a BEIR name or a folder; relative folders are tried from the current folder
            and from `folder`, the project file's.
        data_dir: where data set folders lie already; with it nothing is downloaded.
        cache: where the Arrow copy of the corpus is kept.
        dev_fraction: the share of training queries that becomes dev where there is no dev split.
        relevance, attributes: override the built-in preset; empty values do not.

    Raises:
        DatasetError: not found, or a file is wrong (the message names file and line).
        UsageError: no name was given.
    """
    progress = progress or NoProgress()
    place = find_folder(name, data_dir=data_dir, folder=folder, progress=progress)
    corpus = _open_corpus(place / "corpus.jsonl", cache, progress)
    queries = _read_queries(place / "queries.jsonl")
    judgements: dict[str, Qrels] = {
        file.stem: _read_qrels(file, queries, corpus) for file in sorted((place / "qrels").glob("*.tsv"))
    }
    if not judgements:
        raise DatasetError(f"{place / 'qrels'} holds no .tsv file.", hint=LAYOUT_HINT)
    judgements, notes = _with_dev(judgements, dev_fraction, dev_seed)
    preset = PRESETS.get(place.name, GENERIC)
    pools = {
        pool: tuple((attributes or {}).get(pool) or getattr(preset, pool))
        for pool in ("domain", "difficulty", "length")
    }
    return Dataset(
        name=place.name,
        folder=place,
        corpus=corpus,
        queries=queries,
        judgements=judgements,
        relevance=relevance or preset.relevance,
        attributes=pools,
        notes=notes,
        hashes={"queries": file_hash(place / "queries.jsonl")},
    )


def find_folder(name: str | None, *, data_dir: Path | None, folder: Path | None, progress: Progress) -> Path:
    """The folder of a data set; a BEIR name that is nowhere on disk is downloaded."""
    if not name:
        raise UsageError(
            "No data set named.",
            hint="Name one (`syneg eval scifact`), or set name in [dataset] of syneg.toml.",
        )
    candidates = [Path(name).expanduser()] + ([folder / name] if folder else [])
    if data_dir is not None:
        candidates = [data_dir / name, data_dir] if data_dir.name == name else [data_dir / name, *candidates]
    for place in candidates:
        if (place / "corpus.jsonl").is_file():
            return place.resolve()
    looks_like_path = os.sep in name or Path(name).is_dir()
    if looks_like_path:
        raise DatasetError(f"{name} is no data set folder: it has no corpus.jsonl.", hint=LAYOUT_HINT)
    if data_dir is not None:
        there = sorted(p.parent.name for p in data_dir.glob("*/corpus.jsonl")) if data_dir.is_dir() else []
        known = f"It has: {', '.join(there)}." if there else "It has no data set folder in it."
        raise DatasetError(f"{name} is not in {data_dir}.{did_you_mean(name, there)}", hint=known)
    if name not in BEIR_NAMES:
        raise DatasetError(
            f"{name!r} is neither a folder nor a BEIR data set.{did_you_mean(name, BEIR_NAMES)}",
            hint="Give a folder as ./name, or one of BEIR's names: " + ", ".join(BEIR_NAMES) + ".",
        )
    return _download(name, progress)


def download_folder() -> Path:
    """Where downloaded data sets are kept: shared by all projects of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "syneg" / "datasets"


def _download(name: str, progress: Progress) -> Path:
    target = download_folder()
    place = target / name
    if (place / "corpus.jsonl").is_file():
        return place
    progress.note(f"Downloading {name} from BEIR into {place}")
    staging = target / f".{name}.partial"
    archive = staging / f"{name}.zip"
    archive.unlink(missing_ok=True)  # what an interrupted download left
    try:
        from beir.util import download_and_unzip

        download_and_unzip(BEIR_URL.format(name=name), str(staging))
        (staging / name).rename(place)
    except Exception as error:
        raise DatasetError(
            f"{name} could not be downloaded: {type(error).__name__}: {error}",
            hint="Check the network, or fetch it by hand and pass --data-dir FOLDER (it holds a folder "
            f"named {name}).",
        ) from error
    archive.unlink(missing_ok=True)
    if not (place / "corpus.jsonl").is_file():
        raise DatasetError(f"{place} has no corpus.jsonl after the download.", hint=LAYOUT_HINT)
    return place


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise DatasetError(f"{path} is not there.", hint=LAYOUT_HINT)
    return json_lines(path, DatasetError)


def _string(row: Mapping[str, Any], key: str, path: Path, number: int, expected: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        found = f"it is {value!r}" if key in row else f"the line has {', '.join(row) or 'no fields'}"
        raise DatasetError(
            f"{path}, line {number}: {key!r} has to be a string; {found}.", hint=f"Expected: {expected}"
        )
    return value


CORPUS_LINE = '{"_id": "...", "title": "...", "text": "..."} on every line.'
QUERY_LINE = '{"_id": "...", "text": "..."} on every line.'
QREL_LINE = "query-id <tab> corpus-id <tab> score, with this header line."


def _read_corpus_lines(path: Path) -> Iterator[tuple[str, str, str]]:
    seen: dict[str, int] = {}
    for number, row in _lines(path):
        doc_id = _string(row, "_id", path, number, CORPUS_LINE)
        text = _string(row, "text", path, number, CORPUS_LINE)
        title = row.get("title") or ""
        if not isinstance(title, str):
            raise DatasetError(f"{path}, line {number}: 'title' has to be a string; it is {title!r}.")
        if doc_id in seen:
            raise DatasetError(
                f"{path}, line {number}: the id {doc_id!r} was used on line {seen[doc_id]} already."
            )
        seen[doc_id] = number
        yield doc_id, title, text
    if not seen:
        raise DatasetError(f"{path} is empty.", hint=f"Expected: {CORPUS_LINE}")


def _open_corpus(path: Path, cache: Path, progress: Progress) -> Corpus:
    """Convert corpus.jsonl to Arrow once (keyed by its content), then memory-map it."""
    import pyarrow as pa

    if not path.is_file():
        raise DatasetError(f"{path} is not there.", hint=LAYOUT_HINT)
    fingerprint = file_hash(path)
    arrow = cache / f"{fingerprint[:24]}.arrow"
    if not arrow.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        temporary = arrow.with_name(f".{arrow.name}.{os.getpid()}.tmp")
        schema = pa.schema([(name, pa.large_string()) for name in ("id", "title", "text")])
        try:
            with (
                progress.task(f"Reading {path.name}", None, "docs") as advance,
                pa.OSFile(str(temporary), "wb") as sink,
                pa.ipc.new_file(sink, schema) as writer,
            ):
                rows: list[tuple[str, str, str]] = []
                for row in _read_corpus_lines(path):
                    rows.append(row)
                    if len(rows) == BATCH_ROWS:
                        writer.write_batch(_record_batch(rows, schema))
                        advance(len(rows))
                        rows = []
                if rows:
                    writer.write_batch(_record_batch(rows, schema))
                    advance(len(rows))
            temporary.replace(arrow)
        finally:
            temporary.unlink(missing_ok=True)
    table = pa.ipc.open_file(pa.memory_map(str(arrow))).read_all()
    return Corpus(table, fingerprint, path.parent.name)


def _record_batch(rows: list[tuple[str, str, str]], schema: Any) -> Any:
    import pyarrow as pa

    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.record_batch([pa.array(column, pa.large_string()) for column in columns], schema=schema)


def _read_queries(path: Path) -> dict[str, Query]:
    queries: dict[str, Query] = {}
    for number, row in _lines(path):
        query_id = _string(row, "_id", path, number, QUERY_LINE)
        text = _string(row, "text", path, number, QUERY_LINE)
        if query_id in queries:
            raise DatasetError(f"{path}, line {number}: the id {query_id!r} is there twice.")
        if not text.strip():
            raise DatasetError(f"{path}, line {number}: the query {query_id!r} has an empty text.")
        queries[query_id] = Query(query_id, text)
    if not queries:
        raise DatasetError(f"{path} is empty.", hint=f"Expected: {QUERY_LINE}")
    return queries


def _read_qrels(path: Path, queries: Mapping[str, Query], corpus: Corpus) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != 3:
                raise DatasetError(
                    f"{where}: expected 3 columns between tabs, found {len(cells)}.",
                    hint=f"Expected: {QREL_LINE}",
                )
            query_id, doc_id, grade = (cell.strip() for cell in cells)
            if number == 1 and not _is_integer(grade):
                continue  # the header
            if not _is_integer(grade):
                raise DatasetError(f"{where}: the score {grade!r} is not a whole number.")
            if query_id not in queries:
                raise DatasetError(f"{where}: no query has the id {query_id!r} in queries.jsonl.")
            if doc_id not in corpus:
                raise DatasetError(f"{where}: no document has the id {doc_id!r} in corpus.jsonl.")
            qrels.setdefault(query_id, {})[doc_id] = int(grade)
    if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
        raise DatasetError(f"{path} has no relevant pair.", hint=f"Expected: {QREL_LINE}")
    return qrels


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _with_dev(
    judgements: Mapping[str, Qrels], fraction: float, seed: int
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """Add what is missing of train and dev, by whole queries; test is never touched."""
    splits = dict(judgements)
    if "train" in splits and "dev" in splits:
        return splits, ()
    source = "train" if "train" in splits else "dev" if "dev" in splits else None
    if source is None or fraction == 0:
        return splits, ()
    train, dev = split_queries(splits[source], fraction, seed)
    if not dev or not train:
        return splits, ()
    note = (
        f"no {'dev' if source == 'train' else 'train'} split: {len(dev)} of {len(train) + len(dev)} "
        f"{source} queries serve as dev, {len(train)} as train"
    )
    return splits | {"train": train, "dev": dev}, (note,)


def split_queries(qrels: Qrels, fraction: float, seed: int) -> tuple[Qrels, Qrels]:
    """(rest, carved): the carved queries are those with the smallest seeded hash of their id.

    The choice depends on the ids and the seed only, not on the order of the file.
    """
    ranked = sorted(qrels, key=lambda query_id: hashlib.sha256(f"{seed}:{query_id}".encode()).digest())
    carved = set(ranked[: round(len(ranked) * fraction)])
    return (
        {q: grades for q, grades in qrels.items() if q not in carved},
        {q: grades for q, grades in qrels.items() if q in carved},
    )

"""Which files of a folder are a data set: BEIR's layout, and that of data sets on the hub.

corpus.jsonl, queries.jsonl      also .jsonl.gz, .parquet, or a folder `corpus` with such files
qrels/<split>.tsv                also .txt, .qrels, .trec, .jsonl, .parquet, each also as .gz

A file of the hub is called `test-00000-of-00002.parquet`: what is before the dash is the split.
Two files that would be the same corpus, queries or split are an error: nobody knows which counts.
"""

from __future__ import annotations

import re
from pathlib import Path

from syneg_cli.core import DatasetError

CORPUS, QUERIES, QRELS_FOLDER = "corpus", "queries", "qrels"
CORPUS_FILE, QUERIES_FILE = f"{CORPUS}.jsonl", f"{QUERIES}.jsonl"
TABLES = (".jsonl", ".jsonl.gz", ".parquet")
JUDGEMENTS = (".tsv", ".txt", ".qrels", ".trec", ".jsonl", ".parquet")

LAYOUT_HINT = (
    f"A data set folder holds {CORPUS_FILE}, {QUERIES_FILE} and {QRELS_FOLDER}/<split>.tsv (BEIR layout), "
    "or the same as Parquet."
)
SPLIT_NAMES = {"training": "train", "valid": "dev", "val": "dev", "validation": "dev", "testing": "test"}
"""What a split is called elsewhere -> what it is called here."""

SPLITS = ("train", "dev", "test")
PART = re.compile(r"(.+)-[^-]+-of-([^-]+)")


def table_files(folder: Path, name: str) -> list[Path]:
    """The files that hold a data set's corpus or queries, in reading order; empty if there are none.

    Raises:
        DatasetError: there is more than one of it.
    """
    found = _tables(folder, name)
    inside = [file for file in found if file.parent != folder]
    kinds = {file: (file.parent, _ending(file, TABLES)) for file in found}
    if other := next((file for file in found if kinds[file] != kinds[found[0]]), None):
        raise _two_of_it(found[0], other)
    return inside or found


def _tables(folder: Path, name: str) -> list[Path]:
    beside = [place for place in (folder / f"{name}{ending}" for ending in TABLES) if place.is_file()]
    return beside + [file for file in _visible(folder / name) if file.name.endswith(TABLES)]


def _ending(file: Path, endings: tuple[str, ...]) -> str:
    """The longest of the endings that a file's name has."""
    return max((ending for ending in endings if file.name.endswith(ending)), key=len)


def _two_of_it(one: Path, other: Path) -> DatasetError:
    return DatasetError(
        f"{one} and {other.relative_to(one.parent.parent)} are the same part of a data set twice.",
        hint="Keep the one that counts, and move the other to another folder.",
    )


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder is meant as a data set: it has a corpus."""
    return bool(_tables(folder, CORPUS))


def is_meant_as_dataset(folder: Path) -> bool:
    """Whether a folder has any part of a data set, be it whole or not."""
    parts = _tables(folder, CORPUS) or _tables(folder, QUERIES) or _judgements(folder)
    return bool(parts)


def inner_datasets(folder: Path) -> list[str]:
    """The names of folders inside that are data sets themselves, as CQADupStack's are."""
    return [child.name for child in sorted(folder.glob("*")) if _is_one(child)]


def _is_one(folder: Path) -> bool:
    try:
        return folder.is_dir() and is_dataset_folder(folder)
    except OSError:  # of somebody else, and closed
        return False


def qrels_files(folder: Path) -> dict[str, list[Path]]:
    """Split -> the files with its judgements, one or the parts of one; `validation` is dev.

    Raises:
        DatasetError: there is more than one of a split, under whatever name.
    """
    found: dict[str, list[Path]] = {}
    first: dict[str, Path] = {}
    for file in _judgements(folder):
        split = split_of(file)
        one = first.setdefault(split.lower(), file)
        if _whole(one) != _whole(file):
            raise _two_of_it(one, file)
        found.setdefault(split, []).append(file)
    return found


def split_names(folder: Path) -> list[str]:
    """The splits of a data set folder, which may be wrong otherwise."""
    return list(dict.fromkeys(map(split_of, _judgements(folder))))


def split_of(file: Path) -> str:
    """The split that a file of judgements is of, by the name that it has here: `Validation.tsv` is of dev."""
    name = _whole(file)[0]
    known = SPLIT_NAMES.get(name.lower(), name.lower())
    return known if known in SPLITS else name


def _whole(file: Path) -> tuple[str, str]:
    """(name, ending) of a file of judgements, the same for all parts of one."""
    ending = "".join((Path(file.name.removesuffix(".gz")).suffix, ".gz" * file.name.endswith(".gz")))
    name = file.name.removesuffix(ending)
    part = PART.fullmatch(name)
    return (part[1], f"-of-{part[2]}{ending}") if part else (name, ending)


def _judgements(folder: Path) -> list[Path]:
    files = _visible(folder / QRELS_FOLDER)
    return [file for file in files if Path(file.name.removesuffix(".gz")).suffix in JUDGEMENTS]


def _visible(folder: Path) -> list[Path]:
    """The files of a folder but hidden ones: macOS leaves a `._test.tsv` beside each test.tsv."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))

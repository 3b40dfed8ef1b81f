"""Which files of a folder are a data set: BEIR's layout, and that of data sets on the hub.

corpus.jsonl, queries.jsonl      also .jsonl.gz, .parquet, or a folder `corpus` with such files
qrels/<split>.tsv                also .txt, .qrels, .trec, .jsonl, .parquet, each also as .gz

A file of the hub is called `test-00000-of-00002.parquet`: what is before the dash is the split.
"""

from __future__ import annotations

from pathlib import Path

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


def table_files(folder: Path, name: str) -> list[Path]:
    """The files that hold a data set's corpus or queries, in reading order; empty if there are none."""
    for place in (folder / f"{name}{ending}" for ending in TABLES):
        if place.is_file():
            return [place]
    inside = _visible(folder / name)
    for ending in TABLES:
        if files := [file for file in inside if file.name.endswith(ending)]:
            return files
    return []


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder is meant as a data set: it has a corpus."""
    return bool(table_files(folder, CORPUS))


def inner_datasets(folder: Path) -> list[str]:
    """The names of folders inside that are data sets themselves, as CQADupStack's are."""
    return [child.name for child in sorted(folder.glob("*")) if _is_one(child)]


def _is_one(folder: Path) -> bool:
    try:
        return folder.is_dir() and is_dataset_folder(folder)
    except OSError:  # of somebody else, and closed
        return False


def qrels_files(folder: Path) -> dict[str, list[Path]]:
    """Split -> the files with its judgements; `validation` is dev, unless there is a dev, too."""
    found: dict[str, list[Path]] = {}
    for file in _visible(folder / QRELS_FOLDER):
        name = Path(file.name.removesuffix(".gz"))
        if name.suffix in JUDGEMENTS:
            split = name.stem.rpartition("-of-")[0].rpartition("-")[0] or name.stem
            found.setdefault(split, []).append(file)
    for theirs, ours in SPLIT_NAMES.items():
        if theirs in found and ours not in found:
            found[ours] = found.pop(theirs)
    return found


def _visible(folder: Path) -> list[Path]:
    """The files of a folder but hidden ones: macOS leaves a `._test.tsv` beside each test.tsv."""
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))

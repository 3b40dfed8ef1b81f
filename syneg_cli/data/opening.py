"""Find, read and check a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from syneg_cli.core import DatasetError, NoProgress, Progress, Qrels, Query, check_dataset_name
from syneg_cli.data.beir_files import read_queries
from syneg_cli.data.corpus import Corpus, files_hash, open_corpus
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.find_dataset import find_folder
from syneg_cli.data.languages import check_language
from syneg_cli.data.layout import (
    CORPUS,
    JUDGEMENTS,
    LAYOUT_HINT,
    QRELS_FOLDER,
    QUERIES,
    QUERIES_FILE,
    qrels_files,
    table_files,
)
from syneg_cli.data.presets import Preset, preset_for
from syneg_cli.data.qrels import read_qrels
from syneg_cli.data.splits import HoldOut, completed, fewer, leaks


def load_dataset(
    name: str | None,
    *,
    data_dir: Path | None = None,
    folder: Path | None = None,
    cache: Path,
    dev_fraction: float = 0.1,
    dev_seed: int = 0,
    test_fraction: float = 0.0,
    test_seed: int = 0,
    relevance: str | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
    identical_ids: str = "auto",
    same_document: str = "beside",
    language: str | None = None,
    resplit_by: str = "none",
    resplit_seed: int = 0,
    train_queries: int | None = None,
    train_seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Find (or download), validate and open a data set. It may have no query yet, or none that is judged.

    Args:
        name: a folder, a BEIR name, `irds:` and a name of ir_datasets, `hub:OWNER/NAME`, or `mteb:TASK`;
            relative folders are tried from the current folder and from `folder`, the project file's.
        data_dir: where data set folders are already; with it nothing is downloaded.
        cache: where the Arrow copy of the corpus is kept.
        dev_fraction, test_fraction: of the training and the judged queries, held out where there is no split.
        identical_ids, same_document: what is no negative, as `Dataset.itself` and `Dataset.around` say.
        resplit_by: "documents" deals all queries out anew, so that no two splits share a positive.
        train_queries: how many of its queries train keeps after all this; None: all.
        relevance, attributes, language: override what is built in or guessed; empty values do not.

    Raises:
        DatasetError, UsageError: not found, or wrong; the message names file and line, or what to give.
    """
    given_language = check_language(language) if language else ""
    progress = progress or NoProgress()
    place, corpus = _opened(name, data_dir, folder, cache, progress)
    queries, judged, hashes = _read(place, corpus, progress)
    held = HoldOut(dev_fraction, dev_seed, test_fraction, test_seed, resplit_by, resplit_seed)
    splits, aside, notes = _split(judged, queries, corpus, held, (train_queries, train_seed), progress)
    return Dataset(
        name=place.name,
        folder=place,
        corpus=corpus,
        queries=queries,
        judgements=splits,
        relevance=relevance or preset_for(place.name).relevance,
        attributes=_pools(preset_for(place.name), attributes or {}),
        notes=notes,
        hashes=hashes,
        identical_ids=identical_ids,
        same_document=same_document,
        given_language=given_language,
        carved=frozenset(split for split in splits if splits[split] != judged.get(split)),
        set_aside=aside,
    )


def _opened(
    name: str | None, data_dir: Path | None, folder: Path | None, cache: Path, progress: Progress
) -> tuple[Path, Corpus]:
    """Where the data set is, and its documents."""
    place = find_folder(name, data_dir=data_dir, folder=folder, progress=progress)
    check_dataset_name(place.name)
    return place, open_corpus(table_files(place, CORPUS), cache, place.name, progress)


def _pools(preset: Preset, given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {
        pool: tuple(given.get(pool) or getattr(preset, pool)) for pool in ("domain", "difficulty", "length")
    }


def _read(
    place: Path, corpus: Corpus, progress: Progress
) -> tuple[dict[str, Query], dict[str, Qrels], dict[str, str]]:
    """(queries, judgements by split, hashes) as the files have them; a folder may have documents alone."""
    query_files, judged_files = table_files(place, QUERIES), qrels_files(place)
    if not judged_files and (place / QRELS_FOLDER).is_dir():
        named = f"{', '.join(JUDGEMENTS[:-1])} or {JUDGEMENTS[-1]}"
        raise DatasetError(f"{place / QRELS_FOLDER} holds no {named} file.", hint=LAYOUT_HINT)
    if judged_files and not query_files:
        query_files = [place / QUERIES_FILE]  # whose absence is then said
    queries = read_queries(query_files, progress.warn) if query_files else {}
    judged: dict[str, Qrels] = {
        split: read_qrels(files, queries, corpus, progress.warn)
        for split, files in sorted(judged_files.items())
    }
    return queries, judged, {"queries": files_hash(query_files)}


def _split(
    judged: Mapping[str, Qrels],
    queries: Mapping[str, Query],
    corpus: Corpus,
    held: HoldOut,
    of_train: tuple[int | None, int],
    progress: Progress,
) -> tuple[dict[str, Qrels], Qrels, tuple[str, ...]]:
    """(splits, what train is without, notes): what is odd about them is said.

    Args:
        of_train: how many queries train keeps, and the seed that says which.
    """
    whole, notes = completed(judged, queries, held, corpus.identical)
    splits, said = fewer(whole, *of_train)
    for warning in leaks(splits, queries):
        progress.warn(warning)
    for note in notes + said:
        progress.note(note)
    train = splits.get("train", {})
    aside = {query_id: grades for query_id, grades in whole.get("train", {}).items() if query_id not in train}
    return splits, aside, notes + said

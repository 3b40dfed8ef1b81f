"""Retrieval data sets: where they are, how they are read and checked, and what counts as a copy."""

from syneg_cli.data import demo
from syneg_cli.data.apart import kept_apart, shared_positives
from syneg_cli.data.beir_download import BEIR_NAMES
from syneg_cli.data.copies import NGRAM, Words, near_copy, vocabulary
from syneg_cli.data.corpus import Corpus
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.find_dataset import SOURCES, folder_called, local_folder, splits_on_disk
from syneg_cli.data.imports.cutting import ByUnits, Counter
from syneg_cli.data.imports.hub import HUB
from syneg_cli.data.imports.making import need_documents
from syneg_cli.data.imports.place import (
    Imported,
    Importing,
    as_before,
    carried_out,
    changed_input,
    cuts,
    output_of,
    prepared,
)
from syneg_cli.data.imports.sources import Wanted
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.known_names import beir_name, mteb_task
from syneg_cli.data.languages import ENGLISH, UNSPACED, known_languages, stemmed_languages, stop_words
from syneg_cli.data.layout import inner_datasets, is_meant_as_dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.data.presets import EARLIER_DOMAIN, has_preset, refutation_counts
from syneg_cli.data.settings import DatasetSettings, DocumentsSettings
from syneg_cli.data.synthetic_queries import with_queries
from syneg_cli.data.tables import table_rows
from syneg_cli.data.trec import best_first, read_known_run, read_run, run_lines
from syneg_cli.data.units import (
    ENDS,
    characters_per_word,
    folded,
    length,
    normalised,
    says_nothing,
    terms,
    units,
)

__all__ = [
    "BEIR_NAMES",
    "EARLIER_DOMAIN",
    "ENDS",
    "ENGLISH",
    "HUB",
    "NGRAM",
    "SOURCES",
    "UNSPACED",
    "ByUnits",
    "Corpus",
    "Counter",
    "Dataset",
    "DatasetSettings",
    "DocumentsSettings",
    "Imported",
    "Importing",
    "Tally",
    "Wanted",
    "Words",
    "as_before",
    "beir_name",
    "best_first",
    "carried_out",
    "changed_input",
    "characters_per_word",
    "cuts",
    "demo",
    "folded",
    "folder_called",
    "has_preset",
    "inner_datasets",
    "is_meant_as_dataset",
    "kept_apart",
    "known_languages",
    "length",
    "load_dataset",
    "local_folder",
    "mteb_task",
    "near_copy",
    "need_documents",
    "normalised",
    "output_of",
    "prepared",
    "read_known_run",
    "read_run",
    "refutation_counts",
    "run_lines",
    "says_nothing",
    "shared_positives",
    "splits_on_disk",
    "stemmed_languages",
    "stop_words",
    "table_rows",
    "terms",
    "units",
    "vocabulary",
    "with_queries",
]

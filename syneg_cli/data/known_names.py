"""Which public data set a folder holds, whoever it was fetched from: the one table of their names."""

from __future__ import annotations

MTEB_TASKS = {
    "arguana": "ArguAna",
    "climate-fever": "ClimateFEVER",
    "dbpedia-entity": "DBPedia",
    "fever": "FEVER",
    "fiqa": "FiQA2018",
    "hotpotqa": "HotpotQA",
    "msmarco": "MSMARCO",
    "nfcorpus": "NFCorpus",
    "nq": "NQ",
    "quora": "QuoraRetrieval",
    "scidocs": "SCIDOCS",
    "scifact": "SciFact",
    "trec-covid": "TRECCOVID",
    "webis-touche2020": "Touche2020",
}
"""BEIR's name of a data set -> mteb's of the task."""

_KNOWN = {name.lower(): beir for beir, task in MTEB_TASKS.items() for name in (beir, task)}


def beir_name(folder: str) -> str:
    """BEIR's name of the data set that a folder is called after; "" for any other.

    Whatever its case, and BEIR's name or mteb's: `scifact`, `mteb--SciFact`, `hub--BeIR--scifact` and
    `beir--scifact--train` are one. Of the parts of a name the first that is known counts; what
    ir_datasets has without a slash (`irds--nfcorpus`) is not BEIR's.
    """
    parts = [] if folder.startswith("irds--") else folder.lower().split("--")
    return next((_KNOWN[part] for part in parts if part in _KNOWN), "")


def mteb_task(folder: str) -> str:
    """mteb's name of the task that a folder holds; any other data set is a task of its own name."""
    return MTEB_TASKS.get(beir_name(folder), folder)

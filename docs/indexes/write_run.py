"""Asks a search engine for every training query of a data set, and writes a TREC run.

The scripts beside this file bring the search; `syneg mine --miner run:FILE` reads what they write.
They need Python alone, and those that search by vectors sentence-transformers.
"""

from __future__ import annotations

import argparse
import json
import os
import urllib.request
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

Search = Callable[[argparse.Namespace, str], Iterable[tuple[str, float]]]
"""(options, a query) -> (document id, score); a higher score is a better one."""


def main(search: Search, about: str, **defaults: str) -> None:
    """Read the command line, ask for every training query, write the run; it is whole or not there.

    Args:
        defaults: more options of a script, with what they are where they are not given.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("dataset", type=Path, help="a folder with queries.jsonl and qrels/train.tsv")
    parser.add_argument("run", type=Path, help="the TREC run to write")
    parser.add_argument("--depth", type=int, default=200, help="documents for a query (default: 200)")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", default=value, help=f"(default: {value})")
    options = parser.parse_args()
    part = options.run.with_name(f"{options.run.name}.part")
    with part.open("w", encoding="utf-8") as file:
        for query_id, text in training_queries(options.dataset):
            best: dict[str, float] = {}
            for doc_id, score in search(options, text):  # of several passages of a document the best
                best[str(doc_id)] = max(score, best.get(str(doc_id), score))
            ranked = sorted(best.items(), key=lambda one: -one[1])
            for rank, (doc_id, score) in enumerate(ranked, start=1):
                file.write(f"{query_id}\tQ0\t{doc_id}\t{rank}\t{score!r}\tindex\n")
    part.replace(options.run)


def training_queries(dataset: Path) -> Iterable[tuple[str, str]]:
    """(id, text) of the queries that have a judgement in train."""
    with (dataset / "qrels" / "train.tsv").open(encoding="utf-8") as file:
        judged = {line.split("\t")[0] for line in file}
    with (dataset / "queries.jsonl").open(encoding="utf-8") as file:
        for query in map(json.loads, file):
            if query["_id"] in judged:
                yield query["_id"], query["text"]


def post(url: str, body: dict[str, Any]) -> Any:
    """The JSON that a server answers; INDEX_HEADER ("Authorization: ApiKey ...") is sent along."""
    name, _, value = os.environ.get("INDEX_HEADER", "").partition(":")
    headers = {"Content-Type": "application/json", **({name: value.strip()} if name else {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def vector(model: str, text: str) -> list[float]:
    """The query's vector: by the model that made the documents' vectors, or nothing is found."""
    found: list[float] = _loaded(model).encode_query(text).tolist()
    return found


@cache
def _loaded(model: str) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(model)

"""What stands in for LLM-written queries in an index, where it should be something else that helps.

    python docs/results/stand_ins.py DATA/scifact .syneg/scifact/queries --of claims

writes into that folder, for `syneg eval --expansion 0.5 --set queries.name=NAME`:

- titles: the title of every document;
- sentences: every sentence of its text, so that its vector is of all of it, not of the first tokens alone;
- shuffled: the queries NAME of `--of`, dealt out to other documents by chance.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import syneg_cli as syneg
from syneg_cli.core import SyntheticQuery, read_synthetic_queries, write_synthetic_queries
from syneg_cli.data import Dataset

END = re.compile(r"(?<=[.!?])\s+")
FEWEST = 4
"""Words of a sentence; shorter ones are rather abbreviations."""


def titles(data: Dataset) -> Iterator[SyntheticQuery]:
    for doc_id in data.corpus.ids:
        if title := data.corpus[doc_id].title:
            yield SyntheticQuery(doc_id, 1, title, "title", "", "")


def sentences(data: Dataset) -> Iterator[SyntheticQuery]:
    for doc_id in data.corpus.ids:
        text = data.corpus[doc_id].text
        whole = [one for one in END.split(text) if len(one.split()) >= FEWEST] or [text]
        for number, sentence in enumerate(whole, start=1):
            yield SyntheticQuery(doc_id, number, sentence, "sentence", "", "")


def shuffled(queries: Path) -> list[SyntheticQuery]:
    kept = [query for query in read_synthetic_queries(queries) if query.status == "ok"]
    doc_ids = [query.doc_id for query in kept]
    random.Random(0).shuffle(doc_ids)
    return [replace(query, doc_id=doc_id) for query, doc_id in zip(kept, doc_ids, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a folder in BEIR layout")
    parser.add_argument("queries", type=Path, help="the folder of its LLM-written queries")
    parser.add_argument("--of", default="default", help="which of them are shuffled")
    options = parser.parse_args()
    data, folder = syneg.load_dataset(options.dataset), options.queries
    write_synthetic_queries(folder / "titles.jsonl", titles(data))
    write_synthetic_queries(folder / "sentences.jsonl", sentences(data))
    write_synthetic_queries(folder / "shuffled.jsonl", shuffled(folder / f"{options.of}.jsonl"))


if __name__ == "__main__":
    main()

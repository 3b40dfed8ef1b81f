"""The built-in benchmark: support articles of an invented instrument maker, and recorded LLM answers.

The files are in demo_files/, as they are shipped with the package.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from syneg_cli.core import write_jsonl
from syneg_cli.data.beir_files import write_documents, write_qrels, write_queries

DATASET = "aldermere-support"
"""The benchmark's name, and so the name of its folder."""

RECORDINGS = ("negatives", "mirror", "questions")


def write_dataset(folder: Path) -> None:
    """Write the benchmark as a folder in BEIR layout, with the splits train and test, if it is not there."""
    if (folder / "qrels" / "test.tsv").is_file():  # which is written last
        return
    queries = _packaged("queries")
    write_documents(folder, ((doc["_id"], doc["title"], doc["text"]) for doc in _packaged("docs")))
    write_queries(folder, {query["_id"]: query["text"] for query in queries})
    for split in ("train", "test"):
        rows = [query for query in queries if query["split"] == split]
        write_qrels(folder, split, {q["_id"]: dict.fromkeys(q["positives"], 1) for q in rows})


def write_recordings(folder: Path) -> None:
    """Write the recorded answers.

    negatives.jsonl and questions.jsonl, a question for each article, for `replay:`, and mirror.jsonl, the
    mirror queries. Files that are there stay.
    """
    for name in RECORDINGS:
        if not (folder / f"{name}.jsonl").exists():
            write_jsonl(folder / f"{name}.jsonl", _packaged(name))


def _packaged(name: str) -> list[dict[str, Any]]:
    file = resources.files("syneg_cli.data") / "demo_files" / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]

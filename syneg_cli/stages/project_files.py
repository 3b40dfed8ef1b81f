"""A syneg.toml and a prompts/ folder to edit."""

from __future__ import annotations

import json
from pathlib import Path

from syneg_cli.core import UsageError, write_text
from syneg_cli.data import PRESETS
from syneg_cli.generation import list_prompts
from syneg_cli.stages.project import PROJECT_FILE

TEMPLATE = """\
# A syneg project. Every key and its default: {example}
# `syneg run` does everything that is not up to date; `syneg status` shows where you are.

[dataset]
name = {name}                 # a BEIR name, or a folder with corpus.jsonl, queries.jsonl and qrels/
# data_dir = "data"           # where data set folders lie already; nothing is downloaded then
{relevance}
[generate]
# llm = "ollama:llama3"       # or openai:MODEL, hf:MODEL, replay:FILE
prompt = "syneg"              # prompts/syneg.txt beside this file; edit it, or copy it and name the copy
n = 2                         # synthetic negatives per (query, positive)
# max_cost = 5.0              # US dollars; never passed

[mine]
miners = ["dense"]            # random, bm25, dense, ...
depth = 30                    # mined negatives per query

[mix]
strategy = "hybrid"           # hybrid, direct, synthetic, retrieved
ratio = 0.7                   # synthetic : retrieved
negatives = 3                 # per training instance

[train]
backbone = "minilm"           # an alias (bge-base), a local folder or a hub id
epochs = 2
batch_size = 16
lr = 5e-5
"""

RELEVANCE = """\

# What counts as relevant in your data decides what a negative is: say it in one or two sentences.
# relevance = "A page is relevant if ..."
# attributes.domain = ["your field", "a neighbouring field"]
"""


def write_project(directory: Path, dataset: str | None, *, force: bool = False) -> list[Path]:
    """Write the project file and the prompts that are not there yet; returns what was written.

    Raises:
        UsageError: there is a syneg.toml already (and no `force`).
    """

    file = directory / PROJECT_FILE
    if file.exists() and not force:
        raise UsageError(f"{file} is there already.", hint="Edit it, or replace it with --force.")
    known = Path(dataset or "").name in PRESETS
    text = TEMPLATE.format(
        example="`syneg init --example` prints them",
        name=json.dumps(dataset or "scifact", ensure_ascii=False),
        relevance="" if known or dataset is None else RELEVANCE,
    )
    write_text(file, text)
    written = [file]
    for name, prompt in list_prompts().items():
        target = directory / "prompts" / f"{name}.txt"
        if not target.exists():
            write_text(target, prompt.read_text(encoding="utf-8"))
            written.append(target)
    return written

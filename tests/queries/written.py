"""What the tests of `syneg queries` share: recordings, a model that writes queries, and what was kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from syneg_cli.core import read_synthetic_queries, write_jsonl
from tests.conftest import DOCS
from tests.servers import Body, ChatServer, Reply, prompt_of

WORK = Path(".syneg/tiny/queries")
GOOD = {
    "d4": "which amount of aspirin works against headache",
    "d5": "does rest after studying improve recall of words",
    "d6": "how frequent is apnea in elderly men",
}
REWRITES = [
    {"kind": "paraphrase", "query": "cholecalciferol makes the skeleton of women denser"},
    {"kind": "keywords", "query": "calcium skeleton women"},
    {"kind": "negation", "query": "cholecalciferol leaves the skeleton of women as it is"},
]


def recording(*lines: dict[str, Any]) -> str:
    write_jsonl(Path("r.jsonl"), lines or [{"doc_id": d, "query": text} for d, text in GOOD.items()])
    return "replay:r.jsonl"


def asked_about(body: Body) -> str:
    """The document in a prompt."""
    return next(d for d, (title, _) in DOCS.items() if f"<document>\n{title}\n" in prompt_of(body))


def writer(body: Body, number: int) -> Reply:
    return Reply(text=json.dumps({"queries": [GOOD[asked_about(body)]]}))


def rewording(body: Body, number: int) -> Reply:
    place = re.search(r"<user_query>\n(.*)\n", prompt_of(body))
    assert place is not None
    items = [{**one, "query": f"{one['query']} {place[1].split()[0]}"} for one in REWRITES]
    return Reply(text=json.dumps({"rewrites": items}))


def base(server: ChatServer, tiny: Path, *more: object) -> tuple[object, ...]:
    return "queries", tiny, "--llm", "openai:m", "--base-url", server.openai_url, *more


def kept(name: str = "default") -> dict[str, str]:
    found = read_synthetic_queries(WORK / f"{name}.jsonl")
    return {one.id: one.text for one in found if one.status == "ok"}

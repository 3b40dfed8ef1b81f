"""How the tests of embedding APIs ask, and what they look at."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from syneg_cli.llm import Cache
from tests.conftest import Cli, CliResult
from tests.servers import EmbedServer
from tests.servers.embed import words

KEY = "sk-of-a-test-0123456789"
PRICED = ("--set", "embed.price=1000000")
"""A dollar a token: what is spent can be counted by hand."""


def at(server: EmbedServer, *more: object, model: str = "openai:m") -> tuple[object, ...]:
    url = server.openai_url if model.startswith("openai:") else server.url
    return ("--backbone", model, "--base-url", url, *more)


def run_file(name: str = "openai--m-test") -> dict[str, list[tuple[str, float]]]:
    """Query id -> (document, score), best first."""
    found: dict[str, list[tuple[str, float]]] = {}
    for line in Path(f".syneg/tiny/eval/{name}.trec").read_text().splitlines():
        query_id, _, doc_id, _, score, _ = line.split()
        found.setdefault(query_id, []).append((doc_id, float(score)))
    return found


def entries(cli: Cli) -> list[dict[str, Any]]:
    found: Any = cli("cache", "embeddings", "--json").json["entries"]
    return list(found)


def only_error(result: CliResult) -> str:
    """The one error, which is the last thing said."""
    assert result.err.count("error: ") == 1, result.err
    assert "Traceback" not in result.err
    return result.err.partition("error: ")[2]


def cosine(one: str, other: str) -> float:
    a, b = Counter(words(one)), Counter(words(other))
    lengths = math.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values()))
    return sum(a[word] * b[word] for word in a) / lengths


def spent(job_of_any: str = ".syneg/generations.db") -> float:
    with Cache(Path(job_of_any)) as cache:
        ((total,),) = cache.file.select("SELECT COALESCE(SUM(spent_usd + lost_usd), 0) FROM jobs")
        ((reserved,),) = cache.file.select("SELECT COALESCE(SUM(reserved), 0) FROM claims")
    return float(total + reserved)


def process(tiny: Path, server: EmbedServer, *more: object, command: str = "eval") -> subprocess.Popen[str]:
    """A command in a process of its own."""
    words = [sys.executable, "-m", "syneg_cli", command, tiny, *at(server), *PRICED, *more]
    return subprocess.Popen(
        list(map(str, words)),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

"""Speed and memory of `syneg generate`: `python -m benchmarks.generate [calls] [replay] [memory]`.

    calls    calls per second against a loopback server with 50 ms latency (in a process of its
             own), beside a bare loop over the same official client: 2 000 pairs, 64 at once
    replay   negatives per second when everything comes from the cache
    memory   peak memory at 100 000 pairs above that at 1 000, everything from the cache

The bare loop and ours run in turn, several times, because the machine's own speed drifts; the
share reported is the median of the rounds.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import write_jsonl, write_negatives
from syneg_cli.core.records import Pair
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.generation.filling import fill
from syneg_cli.generation.negatives import read_negatives
from syneg_cli.generation.prompt_files import load_prompt
from syneg_cli.generation.requests import Asking, Generator
from syneg_cli.llm import open_llm
from syneg_cli.llm.base import NoModel
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.engine import Engine
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.prices import FREE
from syneg_cli.llm.stored import Stored

LATENCY, PAIRS, CONCURRENCY, ROUNDS = 0.05, 2000, 64, 3
WORDS = 180
"""Of each document, positive and negative: the length of a SciFact abstract."""


@dataclass
class Result:
    name: str
    value: float
    unit: str
    wanted: str


def make_dataset(folder: Path, pairs: int) -> Dataset:
    """`pairs` queries with one positive each, over 500 documents of 180 words."""
    (folder / "qrels").mkdir(parents=True)
    docs = ({"_id": f"d{i}", "title": f"Title {i}", "text": text_of(f"p{i}")} for i in range(500))
    write_jsonl(folder / "corpus.jsonl", docs)
    queries = (
        {"_id": f"q{i}", "text": f"what does study number {i} say of item {i % 97}"} for i in range(pairs)
    )
    write_jsonl(folder / "queries.jsonl", queries)
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i % 500}\t1" for i in range(pairs))]
    (folder / "qrels" / "train.tsv").write_text("\n".join(lines) + "\n")
    return load_dataset(str(folder), cache=folder.parent / "corpora", dev_fraction=0)


def text_of(tag: str) -> str:
    """Words of which about half are shared by all texts, as in real prose."""
    return " ".join(f"common{i % 23}" if i % 2 else f"{tag}w{i}" for i in range(WORDS))


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", "--latency", str(LATENCY)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def bare_loop(generator: Generator, pairs: list[Pair], url: str) -> float:
    """Calls per second of 64 workers over the official client that keep nothing."""
    from openai import AsyncOpenAI

    items = [generator.item(i, pair) for i, pair in enumerate(pairs)]
    bodies = [
        {
            "model": "m",
            "messages": [{"role": r, "content": t} for r, t in i.request.messages],
            "max_tokens": 4096,
            "seed": 0,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": i.request.schema},
            },
        }
        for i in items
    ]

    async def main() -> None:
        client, waiting = AsyncOpenAI(base_url=url, api_key="x", max_retries=0), iter(bodies)

        async def worker() -> None:
            for body in waiting:
                await client.chat.completions.create(**body)  # type: ignore[call-overload]

        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
        await client.close()

    started = time.perf_counter()
    asyncio.run(main())
    return len(pairs) / (time.perf_counter() - started)


def ours(generator: Generator, pairs: list[Pair], path: Path) -> float:
    """Calls per second of the engine, rendering, parsing and storing included."""
    keys: list[str | None] = [None] * len(pairs)
    with Cache(path) as cache:
        engine = Engine(generator.llm, cache, price=FREE, job="b", limits=Limits(concurrency=CONCURRENCY))
        started = time.perf_counter()
        fill(generator, pairs, engine, keys, tick=lambda stats: None)
        seconds = time.perf_counter() - started
    assert engine.stats.answered == len(pairs), engine.stats
    return len(pairs) / seconds


def calls(folder: Path) -> list[Result]:
    dataset = make_dataset(folder / "data", PAIRS)
    pairs, prompt = dataset.pairs("train"), load_prompt("syneg")
    bare, engine = [], []
    with server() as url:
        for number in range(ROUNDS):
            generator = Generator(dataset, prompt, open_llm("openai:m", base_url=url))
            bare.append(bare_loop(generator, pairs, url))
            engine.append(ours(generator, pairs, folder / f"{number}.db"))
    share = statistics.median(mine / other for mine, other in zip(engine, bare, strict=True))
    return [
        Result("bare loop over the official client", statistics.median(bare), "calls/s", ""),
        Result("syneg", statistics.median(engine), "calls/s", ""),
        Result("syneg / bare loop", share, "", ">= 0.9"),
    ]


def filled_cache(generator: Generator, pairs: list[Pair], path: Path) -> None:
    """A cache that holds an answer of two 180-word documents for every pair."""
    with Cache(path) as cache:
        block: list[Stored] = []
        for index, pair in enumerate(pairs):
            item = generator.item(index, pair)
            made = [
                {
                    "plan": "p",
                    "title": f"T{k} {index}",
                    "document": text_of(f"n{index}x{k}"),
                    "reflection": "r",
                }
                for k in (1, 2)
            ]
            block.append(
                Stored(
                    item.key,
                    "ok",
                    "none",
                    "none",
                    "",
                    "syneg",
                    pair.query_id,
                    pair.doc_id,
                    json.dumps({"requirements": ["a"], "negatives": made}),
                    words=WORDS,
                    n=2,
                    messages=json.dumps(item.request.messages),
                    max_tokens=4096,
                )
            )
            if len(block) == 1000 or index + 1 == len(pairs):
                cache.add(block)
                block = []


def from_cache(dataset: Dataset, path: Path, output: Path) -> tuple[int, float]:
    """(negatives written, seconds) of a run that asks nobody."""
    generator, pairs = Generator(dataset, load_prompt("syneg"), NoModel(), Asking()), dataset.pairs("train")
    keys: list[str | None] = [None] * len(pairs)
    counts: Counter[str] = Counter()
    with Cache(path) as cache:
        started = time.perf_counter()
        fill(generator, pairs, Engine(generator.llm, cache, price=FREE, job="r"), keys)
        write_negatives(output, read_negatives(generator, pairs, keys, cache, counts=counts))
        seconds = time.perf_counter() - started
    assert counts == {"ok": 2 * len(pairs)}, counts
    return counts["ok"], seconds


def replay(folder: Path) -> list[Result]:
    dataset = make_dataset(folder / "data", 5000)
    filled_cache(Generator(dataset, load_prompt("syneg"), NoModel()), dataset.pairs("train"), folder / "r.db")
    speeds = [
        n / s for n, s in (from_cache(dataset, folder / "r.db", folder / "o.jsonl") for _ in range(ROUNDS))
    ]
    return [Result("replay from the cache", statistics.median(speeds), "negatives/s", ">= 10 000")]


def memory(folder: Path) -> list[Result]:
    peaks = {}
    for pairs in (1000, 100_000):
        place = folder / str(pairs)
        dataset = make_dataset(place / "data", pairs)
        filled_cache(
            Generator(dataset, load_prompt("syneg"), NoModel()), dataset.pairs("train"), place / "r.db"
        )
        command = [sys.executable, "-m", "benchmarks.generate", "--child", str(place)]
        peaks[pairs] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    more = (peaks[100_000] - peaks[1000]) / 1024
    return [Result("memory of 100 000 pairs above 1 000", more, "MiB", "<= 300")]


def child(place: Path) -> None:
    """Run from the cache in an own process, and print its peak memory in KiB."""
    dataset = load_dataset(str(place / "data"), cache=place / "corpora", dev_fraction=0)
    from_cache(dataset, place / "r.db", place / "o.jsonl")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--child"]:
        child(Path(arguments[1]))
        return
    os.environ.setdefault("OPENAI_API_KEY", "none")
    benchmarks = {"calls": calls, "replay": replay, "memory": memory}
    for name in arguments or list(benchmarks):
        with tempfile.TemporaryDirectory() as folder:
            for result in benchmarks[name](Path(folder)):
                print(f"{result.name:45} {result.value:12,.2f} {result.unit:12} {result.wanted}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Mining side by side: syneg, sentence-transformers' mine_hard_negatives, FlagEmbedding's hn_mine.

    python benchmarks/mine.py ../data/scifact                     all of SciFact
    python benchmarks/mine.py ../data/scifact --documents 1000    a slice, for quick runs

Every arm is a process of its own and does the same job: load all-MiniLM-L6-v2, encode the
corpus and the train queries, take the best 30 documents of each query that are not judged
relevant and score at most 95 % of the positive. Seconds count from the first import to the
result in hand; memory is the process's peak. FlagEmbedding lives in an environment of its
own (--flag-python) with scripts/hn_mine.py of its repository (--flag-script); it has no
score filter, so it is compared with an unfiltered syneg run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DEPTH = 30
ARMS = (
    "syneg cold",
    "syneg warm",
    "syneg fp32",
    "syneg unfiltered",
    "sentence-transformers",
    "bm25 syneg",
    "bm25 by hand",
)

Negatives = dict[str, dict[str, float]]
"""Query id -> document id -> score; 0 where a peer gives none."""


def open_folder(folder: Path) -> Any:
    from syneg_cli.data.opening import load_dataset

    return load_dataset(str(folder), cache=folder / "arrow", dev_fraction=0)


def write_slice(source: Path, target: Path, documents: int | None) -> None:
    """The first documents, and the train queries whose positives are all among them."""
    corpus = (source / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:documents]
    ids = {json.loads(line)["_id"] for line in corpus}
    header, *rows = (source / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()
    outside = {row.split("\t")[0] for row in rows if row.split("\t")[1] not in ids}
    kept = [row for row in rows if row.split("\t")[0] not in outside]
    (target / "qrels").mkdir(parents=True)
    (target / "corpus.jsonl").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    (target / "queries.jsonl").write_bytes((source / "queries.jsonl").read_bytes())
    (target / "qrels" / "train.tsv").write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")


def by_query(found: Any) -> Negatives:
    negatives: Negatives = {}
    for negative in found.negatives:
        negatives.setdefault(negative.query_id, {})[negative.doc_id] = negative.score
    return negatives


def syneg(
    folder: Path, *, cache: Path | None, precision: str, filtered: bool, miner: str = "dense"
) -> Negatives:
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.mining import Selection, Setup, mine_negatives

    dataset = open_folder(folder)
    setup = Setup(dataset, lambda: Encoder.load("minilm", precision=precision, cache=cache))
    selection = Selection(depth=DEPTH, pool=300, percentage=0.95 if filtered else None, near_copies=None)
    return by_query(mine_negatives(dataset, [miner], setup=setup, selection=selection)[0])


def sentence_transformers(folder: Path) -> Negatives:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    from syneg_cli.encoding.loading import locate

    dataset = open_folder(folder)
    texts = dataset.corpus.texts()
    pairs = dataset.pairs("train")
    rows = Dataset.from_dict(
        {
            "query": [dataset.queries[pair.query_id].text for pair in pairs],
            "positive": [dataset.corpus[pair.doc_id].full_text for pair in pairs],
        }
    )
    model = SentenceTransformer(str(locate("minilm")), device="cpu")
    mined = mine_hard_negatives(
        rows, model, corpus=texts, relative_margin=0.05, num_negatives=DEPTH, range_max=300 + DEPTH,
        sampling_strategy="top", output_format="labeled-list", batch_size=32, verbose=False,
    )  # fmt: skip
    ids = dict(zip(texts, dataset.corpus.ids, strict=True))
    queries = {dataset.queries[pair.query_id].text: pair.query_id for pair in pairs}
    columns = [name for name in mined.column_names if name != "query"]
    negatives: Negatives = {}
    for row in mined:
        listed, labels = (row[name] for name in sorted(columns))
        if isinstance(listed[0], int):
            listed, labels = labels, listed
        negatives[queries[row["query"]]] = {
            ids[text]: 0.0 for text, label in zip(listed, labels, strict=True) if not label
        }
    return negatives


def flag_embedding(folder: Path, python: str, script: str) -> Negatives:
    from syneg_cli.encoding.loading import locate

    dataset = open_folder(folder)
    texts = dataset.corpus.texts()
    ids = dict(zip(texts, dataset.corpus.ids, strict=True))
    query_ids = list(dataset.qrels("train"))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with (place / "train.jsonl").open("w", encoding="utf-8") as file:
            for query_id in query_ids:
                positives = [dataset.corpus[doc_id].full_text for doc_id in dataset.positives(query_id)]
                file.write(json.dumps({"query": dataset.queries[query_id].text, "pos": positives}) + "\n")
        with (place / "pool.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        options = {
            "input_file": place / "train.jsonl", "output_file": place / "out.jsonl",
            "candidate_pool": place / "pool.jsonl", "range_for_sampling": f"0-{DEPTH + 1}",
            "negative_number": DEPTH, "embedder_name_or_path": locate("minilm"),
            "embedder_model_class": "encoder-only-base", "pooling_method": "mean", "batch_size": 32,
            "embedder_query_max_length": 256, "embedder_passage_max_length": 256,
        }  # fmt: skip
        arguments = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        subprocess.run([python, script, *arguments], check=True, capture_output=True)
        rows = [json.loads(line) for line in (place / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    return {q: {ids[text]: 0.0 for text in row["neg"]} for q, row in zip(query_ids, rows, strict=True)}


def bm25_by_hand(folder: Path) -> Negatives:
    import bm25s
    import Stemmer

    dataset = open_folder(folder)
    stemmer = Stemmer.Stemmer("english")
    tokens = bm25s.tokenize(dataset.corpus.texts(), stopwords="en", stemmer=stemmer, show_progress=False)
    retriever = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    retriever.index(tokens, show_progress=False)
    query_ids = list(dataset.qrels("train"))
    texts = [dataset.queries[query_id].text for query_id in query_ids]
    queries = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)
    rows, _ = retriever.retrieve(queries, k=300 + DEPTH, show_progress=False)
    found: Negatives = {}
    for query_id, best in zip(query_ids, rows, strict=True):
        excluded = dataset.excluded(query_id)
        kept = [d for d in (dataset.corpus.ids[row] for row in best) if d not in excluded][:DEPTH]
        found[query_id] = dict.fromkeys(kept, 0.0)
    return found


def run_arm(arm: str, folder: Path, cache: Path, python: str, script: str) -> dict[str, Any]:
    started = time.perf_counter()
    if arm in ("syneg cold", "syneg warm"):
        found = syneg(folder, cache=cache, precision="auto", filtered=True)
    elif arm == "syneg fp32":
        found = syneg(folder, cache=None, precision="fp32", filtered=True)
    elif arm == "syneg unfiltered":
        found = syneg(folder, cache=cache, precision="auto", filtered=False)
    elif arm == "sentence-transformers":
        found = sentence_transformers(folder)
    elif arm == "FlagEmbedding":
        found = flag_embedding(folder, python, script)
    elif arm == "bm25 syneg":
        found = syneg(folder, cache=None, precision="auto", filtered=False, miner="bm25")
    else:
        found = bm25_by_hand(folder)
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"seconds": time.perf_counter() - started, "megabytes": max(peaks) / 1024, "negatives": found}


def same(one: Negatives, other: Negatives) -> float:
    """The share of the first's negatives that the second has too."""
    total = sum(len(docs) for docs in one.values())
    both = sum(len(set(docs) & set(other.get(query_id, ()))) for query_id, docs in one.items())
    return both / max(total, 1)


def gaps(ours: Negatives, exact: Negatives) -> list[float]:
    """For each of our negatives that the exact run has not: how far its score is from what that one kept."""
    return sorted(
        min(abs(score - edge) for edge in (min(exact[query_id].values()), max(exact[query_id].values())))
        for query_id, docs in ours.items()
        for doc_id, score in docs.items()
        if exact.get(query_id) and doc_id not in exact[query_id]
    )


PEERS = {
    "syneg cold": "sentence-transformers",
    "syneg warm": "sentence-transformers",
    "syneg fp32": "sentence-transformers",
    "syneg unfiltered": "FlagEmbedding",
    "bm25 syneg": "bm25 by hand",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder in BEIR layout")
    parser.add_argument("--documents", type=int, help="use the first N documents")
    parser.add_argument("--flag-python", default="", help="the python of an environment with FlagEmbedding")
    parser.add_argument("--flag-script", default="", help="its scripts/hn_mine.py")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--arms", nargs="+", help="only these", choices=[*ARMS, "FlagEmbedding"])
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        result = run_arm(options.arm, options.data, options.work, options.flag_python, options.flag_script)
        print(json.dumps(result))
        return
    arms = [*ARMS, "FlagEmbedding"] if options.flag_script else list(ARMS)
    arms = [arm for arm in arms if arm in options.arms] if options.arms else arms
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        write_slice(options.data, folder, options.documents)
        open_folder(folder)  # converts the corpus once, for all arms alike
        for arm in arms:
            command = [sys.executable, __file__, str(folder), "--arm", arm, "--work", f"{name}/cache"]
            command += ["--flag-python", options.flag_python, "--flag-script", options.flag_script]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
            results[arm] = json.loads(done.stdout.splitlines()[-1])
            print(f"{arm:24}{results[arm]['seconds']:9.1f} s{results[arm]['megabytes']:9.0f} MB", flush=True)
    for arm, peer in PEERS.items():
        if arm in results and peer in results:
            ratio = results[peer]["seconds"] / results[arm]["seconds"]
            shared = same(results[arm]["negatives"], results[peer]["negatives"])
            print(f"{arm} against {peer}: {ratio:.1f} times as fast, {shared:.1%} of its negatives the same")
    if {"syneg cold", "syneg fp32"} <= results.keys():
        found = gaps(results["syneg cold"]["negatives"], results["syneg fp32"]["negatives"])
        if found:
            middle, high = found[len(found) // 2], found[int(len(found) * 0.95)]
            print(
                f"{len(found)} negatives of bf16 are not those of fp32; their scores are within {middle:.4f} "
                f"(median) and {high:.4f} (95 %) of the last or first that fp32 kept"
            )
    if options.json:
        figures = {arm: {k: v for k, v in r.items() if k != "negatives"} for arm, r in results.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Evaluation side by side: `syneg eval`, beir's exact search with EvaluateRetrieval, and mteb.

    python benchmarks/eval.py DATA/scifact --mteb-python PYTHON     all of SciFact
    python benchmarks/eval.py DATA/scifact --documents 300          a slice, for quick runs

Every arm is a process of its own and does the same job: load all-MiniLM-L6-v2, encode the corpus and
the test queries, search exactly, and measure. Seconds count from the start of the process to its
result, imports included; memory is the process's peak. "Warm" is the same command again: the peers
keep no vectors, so they have one figure each. mteb may live in an environment of its own
(--mteb-python). Prints a table, and the largest difference of a metric.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ARMS = {
    "cold": "syneg, cold, the default precision",
    "warm": "syneg, warm (embedding cache)",
    "fp32": "syneg, cold, fp32",
    "beir": "beir, DenseRetrievalExactSearch and EvaluateRetrieval",
    "mteb": "mteb",
}
METRICS = ("ndcg@10", "recall@10", "recall@100", "map@100", "mrr@10")
CUTOFFS = (10, 100)

Means = dict[str, float]


def write_slice(source: Path, target: Path, documents: int | None) -> None:
    """The first documents, and the test queries whose judged documents are all among them."""
    corpus = (source / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:documents]
    ids = {json.loads(line)["_id"] for line in corpus}
    header, *rows = (source / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    outside = {row.split("\t")[0] for row in rows if row.split("\t")[1] not in ids}
    kept = [row for row in rows if row.split("\t")[0] not in outside]
    (target / "qrels").mkdir(parents=True)
    (target / "corpus.jsonl").write_text("\n".join(corpus) + "\n", encoding="utf-8")
    (target / "queries.jsonl").write_bytes((source / "queries.jsonl").read_bytes())
    (target / "qrels" / "test.tsv").write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")


def syneg(folder: Path, work: Path, *options: str) -> list[str]:
    """The command itself, as a user calls it."""
    return [
        *(sys.executable, "-m", "syneg_cli", "eval", str(folder), "--backbone", "minilm"),
        *("--work-dir", str(work), "--quiet", "--json", *options),
    ]


def beir(folder: Path, model: str) -> Means:
    from beir.datasets.data_loader import GenericDataLoader
    from beir.retrieval.evaluation import EvaluateRetrieval
    from beir.retrieval.models import SentenceBERT
    from beir.retrieval.search.dense import DenseRetrievalExactSearch

    corpus, queries, qrels = GenericDataLoader(data_folder=str(folder)).load(split="test")
    search = DenseRetrievalExactSearch(SentenceBERT(model), batch_size=32, show_progress_bar=False)
    evaluator = EvaluateRetrieval(search, k_values=list(CUTOFFS), score_function="cos_sim")
    found = evaluator.retrieve(corpus, queries)
    ndcg, average, recall, _ = evaluator.evaluate(qrels, found, list(CUTOFFS))
    reciprocal = evaluator.evaluate_custom(qrels, found, list(CUTOFFS), metric="mrr")
    return {
        "ndcg@10": ndcg["NDCG@10"],
        "recall@10": recall["Recall@10"],
        "recall@100": recall["Recall@100"],
        "map@100": average["MAP@100"],
        "mrr@10": reciprocal["MRR@10"],
    }


def by_mteb(folder: Path, model: str) -> Means:
    """mteb's own loader and evaluator, on the folder instead of the hub."""
    import mteb
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata
    from sentence_transformers import SentenceTransformer

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    qrels: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query_id, doc_id, grade = line.split("\t")
        qrels.setdefault(query_id, {})[doc_id] = int(grade)

    class Folder(AbsTaskRetrieval):  # type: ignore[misc, unused-ignore]
        metadata = TaskMetadata(
            name="Folder",
            description="a folder in BEIR layout",
            dataset={"path": str(folder), "revision": "here"},
            type="Retrieval",
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
        )

        def load_data(self, *_: Any, **__: Any) -> None:
            documents = rows("corpus.jsonl")
            asked = [row for row in rows("queries.jsonl") if row["_id"] in qrels]
            split = {
                "corpus": Dataset.from_dict(
                    {
                        "id": [row["_id"] for row in documents],
                        "title": [row.get("title", "") for row in documents],
                        "text": [row["text"] for row in documents],
                    }
                ),
                "queries": Dataset.from_dict(
                    {"id": [row["_id"] for row in asked], "text": [row["text"] for row in asked]}
                ),
                "relevant_docs": qrels,
                "top_ranked": None,
            }
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    result = mteb.evaluate(
        SentenceTransformer(model, device="cpu"), Folder(), cache=None, show_progress_bar=False
    )
    scores = result.task_results[0].scores["test"][0]
    return {name: float(scores[name.replace("@", "_at_")]) for name in METRICS}


def run(command: list[str]) -> tuple[Means, float, float]:
    """(metrics, seconds, peak MB) of a process; its last line on stdout is JSON."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        out = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        errors.seek(0)
        if status:
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()[-2000:]}")
    last = json.loads(out.splitlines()[-1])
    return {name: float(last["metrics"][name]) for name in METRICS}, seconds, usage.ru_maxrss / 1024


def one_arm(arm: str, folder: Path, model: str) -> None:
    metrics = beir(folder, model) if arm == "beir" else by_mteb(folder, model)
    print(json.dumps({"metrics": metrics}))


def command_of(arm: str, folder: Path, work: Path, model: str, python: str) -> list[str]:
    if arm == "fp32":
        return syneg(folder, work / "fp32", "--precision", "fp32")
    if arm in ("cold", "warm"):
        return syneg(folder, work / "auto", *(["--force"] if arm == "warm" else []))
    return [
        python if arm == "mteb" else sys.executable,
        __file__,
        str(folder),
        "--arm",
        arm,
        "--model",
        model,
    ]


def installed(arm: str, mteb_python: str) -> bool:
    """Whether there is what an arm needs."""
    if arm not in ("beir", "mteb"):
        return True
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({arm!r}) is None)"
    return subprocess.run([mteb_python if arm == "mteb" else sys.executable, "-c", look]).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="a folder in BEIR layout")
    parser.add_argument("--documents", type=int, help="use the first N documents")
    parser.add_argument(
        "--mteb-python", default=sys.executable, help="the python of an environment with mteb"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, help="only these (all that are installed)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        return one_arm(options.arm, options.data, options.model)
    from syneg_cli.encoding.loading import locate

    asked = options.arms or [arm for arm in ARMS if installed(arm, options.mteb_python)]
    wanted = {*asked, *(["cold"] if "warm" in asked else [])}  # which makes it warm
    arms = [arm for arm in ARMS if arm in wanted]
    for arm in [] if options.arms else [arm for arm in ARMS if arm not in wanted]:
        print(f"{arm} is not installed, and left out.\n")
    figures: dict[str, tuple[Means, float, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name) / "data", Path(name) / "work"
        write_slice(options.data.resolve(), folder, options.documents)
        os.chdir(name)  # where no syneg.toml is
        print(f"| arm | seconds | peak MB | {' | '.join(METRICS)} |")
        print(f"|{'---|' * (3 + len(METRICS))}")
        for arm in arms:
            command = command_of(arm, folder, work, str(locate("minilm")), options.mteb_python)
            metrics, seconds, peak = figures[arm] = run(command)
            values = " | ".join(f"{metrics[one]:.5f}" for one in METRICS)
            print(f"| {ARMS[arm]} | {seconds:.1f} | {peak:.0f} | {values} |", flush=True)
    for peer in ("beir", "mteb"):
        for arm in ("cold", "warm", "fp32"):
            if peer in figures and arm in figures:
                ratio = figures[peer][1] / figures[arm][1]
                gaps = {one: abs(figures[peer][0][one] - figures[arm][0][one]) for one in METRICS}
                worst = max(gaps, key=lambda one: gaps[one])
                print(
                    f"{ARMS[arm]} against {peer}: {ratio:.1f} times as fast, "
                    f"largest difference {gaps[worst]:.5f} ({worst})"
                )
    if options.json:
        made = {arm: {"metrics": m, "seconds": s, "megabytes": mb} for arm, (m, s, mb) in figures.items()}
        options.json.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()

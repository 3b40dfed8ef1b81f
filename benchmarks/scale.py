"""A million short passages: time and memory of dense mining as the corpus grows.

    python benchmarks/scale.py --index Flat --index IVF1024,Flat

The corpus is generated (word-like tokens, 5 to 15 a passage), the encoder a static embedding
with random weights, so that search and book-keeping are measured and not a model. Every size
is a process of its own: validation of the JSONL, conversion, encoding, search, filters and
the draw for 1 000 queries. The slope is that of log seconds over log documents.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZES = (100_000, 316_228, 1_000_000)
QUERIES = 1_000
WORDS = 20_000


def write_corpus(folder: Path, documents: int) -> None:
    draw = random.Random(0)
    words = [f"w{number}" for number in range(WORDS)]
    (folder / "qrels").mkdir(parents=True)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for number in range(documents):
            text = " ".join(draw.choices(words, k=draw.randint(5, 15)))
            file.write(json.dumps({"_id": f"d{number}", "title": "", "text": text}) + "\n")
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        for number in range(QUERIES):
            file.write(json.dumps({"_id": f"q{number}", "text": " ".join(draw.choices(words, k=4))}) + "\n")
    rows = [f"q{number}\td{draw.randrange(documents)}\t1" for number in range(QUERIES)]
    header = "query-id\tcorpus-id\tscore"
    (folder / "qrels" / "train.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def static_encoder(cache: Path | None) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    from syneg_cli.encoding.encoder import Encoder

    vocabulary = {"[UNK]": 0} | {f"w{number}": number + 1 for number in range(WORDS)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    torch.manual_seed(0)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=128)], device="cpu")
    return Encoder(model, cache=cache)


def mine(folder: Path, index: str) -> dict[str, Any]:
    from syneg_cli.data.opening import load_dataset
    from syneg_cli.mining import Selection, Setup, mine_negatives

    started = time.perf_counter()
    dataset = load_dataset(str(folder), cache=folder / "arrow", dev_fraction=0)
    setup = Setup(dataset, lambda: static_encoder(folder / "embeddings"), index=index)
    mined = mine_negatives(dataset, ["dense"], setup=setup, selection=Selection(percentage=0.95))[0]
    return {
        "seconds": time.perf_counter() - started,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "negatives": len(mined.negatives),
        "notes": list(mined.notes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", action="append", help="FAISS factory string; may be repeated")
    parser.add_argument("--size", action="append", type=int, help="documents; may be repeated")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(mine(options.folder, options.index[0])))
        return
    for index in options.index or ["Flat", "IVF1024,Flat"]:
        points = []
        for size in options.size or SIZES:
            with tempfile.TemporaryDirectory() as name:
                write_corpus(Path(name) / "data", size)
                command = [sys.executable, __file__, "--folder", f"{name}/data", "--index", index]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            points.append((math.log(size), math.log(found["seconds"])))
            figures = f"{found['seconds']:8.1f} s{found['megabytes']:8.0f} MB"
            print(f"{index:16}{size:10,} documents{figures}  {'; '.join(found['notes'])}", flush=True)
        if len(points) > 1:
            (x0, y0), (x1, y1) = points[0], points[-1]
            print(f"{index}: log-log slope {(y1 - y0) / (x1 - x0):.2f}", flush=True)


if __name__ == "__main__":
    main()

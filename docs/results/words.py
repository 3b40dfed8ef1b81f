"""What words and an encoder find together: nDCG@10 of similarity + weight * BM25's share of its best.

    python docs/results/words.py DATA/scifact --backbone minilm --max-length 128

This is the teacher of `syneg train --lexical W`, at the weight W times the temperature.
"""

from __future__ import annotations

import argparse
from statistics import fmean

import numpy as np

import syneg_cli as syneg
from syneg_cli.core import NoProgress
from syneg_cli.encoding import Encoder
from syneg_cli.evaluation import score
from syneg_cli.mining import bm25_run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="a folder in BEIR layout")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0])
    options = parser.parse_args()
    dataset = syneg.load_dataset(options.dataset)
    qrels, ids = dataset.qrels("test"), dataset.corpus.ids
    encoder = Encoder.load(options.backbone, max_length=options.max_length)
    queries = encoder.encode_queries([dataset.queries[query].text for query in qrels])
    near = queries @ encoder.encode_corpus(dataset.corpus).T
    words = bm25_run(dataset, list(qrels), len(ids), NoProgress())
    alone = score(words, qrels).per_query["ndcg@10"]
    print(f"BM25: {fmean(alone.values()):.4f}")
    for weight in options.weights:
        run = {}
        for query, similarities in zip(qrels, near, strict=True):
            best = max(words[query].values(), default=1.0)
            shares = np.array([words[query].get(doc_id, 0.0) / best for doc_id in ids])
            run[query] = dict(zip(ids, (similarities + weight * shares).tolist(), strict=True))
        found = score(run, qrels).per_query["ndcg@10"]
        print(f"similarity + {weight:g} x BM25: {fmean(found.values()):.4f}")


if __name__ == "__main__":
    main()

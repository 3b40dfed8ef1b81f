"""Retrieved negatives: a file per miner, filters, selection, registry."""

from syneg_cli.mining.base import Setup
from syneg_cli.mining.bm25 import K1 as BM25_K1
from syneg_cli.mining.bm25 import B as BM25_B
from syneg_cli.mining.bm25 import Bm25Miner, bm25_run, words_of
from syneg_cli.mining.fusion import reciprocal_ranks
from syneg_cli.mining.mine import MinedNegatives, mine_negatives
from syneg_cli.mining.registry import MINERS, check_miner, make_miner, run_files, uses_encoder, uses_words
from syneg_cli.mining.select import Selection
from syneg_cli.mining.settings import MineSettings
from syneg_cli.mining.tally import Tally, quantiles

__all__ = [
    "BM25_B",
    "BM25_K1",
    "MINERS",
    "Bm25Miner",
    "MineSettings",
    "MinedNegatives",
    "Selection",
    "Setup",
    "Tally",
    "bm25_run",
    "check_miner",
    "make_miner",
    "mine_negatives",
    "quantiles",
    "reciprocal_ranks",
    "run_files",
    "uses_encoder",
    "uses_words",
    "words_of",
]

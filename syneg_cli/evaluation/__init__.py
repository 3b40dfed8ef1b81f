"""How good is a retriever: retrieve, measure, and tell a difference from noise."""

from syneg_cli.evaluation.evaluation import Evaluation, caveat, compare_metrics
from syneg_cli.evaluation.metrics import MAIN_METRIC, METRICS, score
from syneg_cli.evaluation.rerank import Reranked, rerank
from syneg_cli.evaluation.retrieve import DEPTH, nearest, retrieve, without_itself
from syneg_cli.evaluation.seen import (
    RECORD,
    SEEN,
    UNSEEN,
    Exposure,
    Part,
    TrainedOn,
    exposure,
    parts_of,
    told_of_few,
    told_of_gain,
)
from syneg_cli.evaluation.settings import EvalSettings
from syneg_cli.evaluation.significance import Comparison, compare, holm, p_value, tells_little, verdict

__all__ = [
    "DEPTH",
    "MAIN_METRIC",
    "METRICS",
    "RECORD",
    "SEEN",
    "UNSEEN",
    "Comparison",
    "EvalSettings",
    "Evaluation",
    "Exposure",
    "Part",
    "Reranked",
    "TrainedOn",
    "caveat",
    "compare",
    "compare_metrics",
    "exposure",
    "holm",
    "nearest",
    "p_value",
    "parts_of",
    "rerank",
    "retrieve",
    "score",
    "tells_little",
    "told_of_few",
    "told_of_gain",
    "verdict",
    "without_itself",
]

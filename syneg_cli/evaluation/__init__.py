"""How good is a retriever: retrieve, measure, and tell a difference from noise."""

from syneg_cli.evaluation.evaluation import Evaluation, caveat, compare_metrics
from syneg_cli.evaluation.metrics import MAIN_METRIC, METRICS, score
from syneg_cli.evaluation.rerank import Reranked, rerank
from syneg_cli.evaluation.retrieve import DEPTH, nearest, retrieve, without_itself
from syneg_cli.evaluation.seen import RECORD, SEEN, UNSEEN, Exposure, Part, TrainedOn, exposure
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
    "rerank",
    "retrieve",
    "score",
    "tells_little",
    "verdict",
    "without_itself",
]

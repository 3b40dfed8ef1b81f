"""How good is a retriever: retrieve, measure, and tell a difference from noise."""

from syneg_cli.evaluation.changes import Change, changes
from syneg_cli.evaluation.evaluation import Evaluation, caveat, compare_metrics
from syneg_cli.evaluation.metrics import (
    MAIN_METRIC,
    METRICS,
    is_metric,
    label_of,
    metric_name,
    metric_of,
    score,
)
from syneg_cli.evaluation.rerank import Reranked, rerank
from syneg_cli.evaluation.retrieve import DEPTH, depth_for, nearest, retrieve, without_itself
from syneg_cli.evaluation.settings import EvalSettings
from syneg_cli.evaluation.significance import Comparison, compare, holm, p_value, tells_little, verdict

__all__ = [
    "DEPTH",
    "MAIN_METRIC",
    "METRICS",
    "Change",
    "Comparison",
    "EvalSettings",
    "Evaluation",
    "Reranked",
    "caveat",
    "changes",
    "compare",
    "compare_metrics",
    "depth_for",
    "holm",
    "is_metric",
    "label_of",
    "metric_name",
    "metric_of",
    "nearest",
    "p_value",
    "rerank",
    "retrieve",
    "score",
    "tells_little",
    "verdict",
    "without_itself",
]

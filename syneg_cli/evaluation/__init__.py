"""How good is a retriever: retrieve, measure, and tell a difference from noise."""

from syneg_cli.evaluation.evaluation import Evaluation, caveat, compare_metrics
from syneg_cli.evaluation.metrics import MAIN_METRIC, METRICS, score
from syneg_cli.evaluation.rerank import Reranked, rerank
from syneg_cli.evaluation.retrieve import DEPTH, nearest, retrieve, without_itself
from syneg_cli.evaluation.separability import Auc, auc, probe_auc, wilson
from syneg_cli.evaluation.settings import EvalSettings
from syneg_cli.evaluation.significance import Comparison, compare, holm, p_value, tells_little, verdict

__all__ = [
    "DEPTH",
    "MAIN_METRIC",
    "METRICS",
    "Auc",
    "Comparison",
    "EvalSettings",
    "Evaluation",
    "Reranked",
    "auc",
    "caveat",
    "compare",
    "compare_metrics",
    "holm",
    "nearest",
    "p_value",
    "probe_auc",
    "rerank",
    "retrieve",
    "score",
    "tells_little",
    "verdict",
    "wilson",
    "without_itself",
]

"""How good is a retriever: retrieve, measure, and tell a difference from noise."""

from syneg_cli.evaluation.changes import Change, changes
from syneg_cli.evaluation.evaluation import Evaluation, caveat, compare_metrics
from syneg_cli.evaluation.expansion import HALF, IN_INDEX, Expansion, judged_pairs
from syneg_cli.evaluation.families import Compared, corrected, holm, standard_errors
from syneg_cli.evaluation.hybrid import WordScores
from syneg_cli.evaluation.metrics import (
    MAIN_METRIC,
    METRICS,
    is_metric,
    label_of,
    score,
)
from syneg_cli.evaluation.rerank import Reranked, pair_count, rerank
from syneg_cli.evaluation.retrieve import DEPTH, depth_for, nearest, retrieve, without_itself
from syneg_cli.evaluation.searching import NO_SHARE, Search, Source
from syneg_cli.evaluation.seeds import SeedComparison, compare_seeds
from syneg_cli.evaluation.seen import (
    RECORD,
    SEEN,
    UNSEEN,
    Exposure,
    Part,
    TrainedOn,
    corrected_parts,
    exposure,
    told_of_few,
    told_of_gain,
)
from syneg_cli.evaluation.separability import Auc, auc, probe_auc, share_of_groups, wilson
from syneg_cli.evaluation.settings import EvalSettings
from syneg_cli.evaluation.significance import MARGIN, Comparison, compare
from syneg_cli.evaluation.spending import boundaries
from syneg_cli.evaluation.verdicts import (
    ALPHA,
    Word,
    as_data,
    decided,
    detectable,
    interval,
    p_value,
    plain_p,
    tells_little,
    verdict,
    within_margin,
)

__all__ = [
    "ALPHA",
    "DEPTH",
    "HALF",
    "IN_INDEX",
    "MAIN_METRIC",
    "MARGIN",
    "METRICS",
    "NO_SHARE",
    "RECORD",
    "SEEN",
    "UNSEEN",
    "Auc",
    "Change",
    "Compared",
    "Comparison",
    "EvalSettings",
    "Evaluation",
    "Expansion",
    "Exposure",
    "Part",
    "Reranked",
    "Search",
    "SeedComparison",
    "Source",
    "TrainedOn",
    "Word",
    "WordScores",
    "as_data",
    "auc",
    "boundaries",
    "caveat",
    "changes",
    "compare",
    "compare_metrics",
    "compare_seeds",
    "corrected",
    "corrected_parts",
    "decided",
    "depth_for",
    "detectable",
    "exposure",
    "holm",
    "interval",
    "is_metric",
    "judged_pairs",
    "label_of",
    "nearest",
    "p_value",
    "pair_count",
    "plain_p",
    "probe_auc",
    "rerank",
    "retrieve",
    "score",
    "share_of_groups",
    "standard_errors",
    "tells_little",
    "told_of_few",
    "told_of_gain",
    "verdict",
    "wilson",
    "within_margin",
    "without_itself",
]

"""LLM-written queries: which documents get some, copies, and whether each finds its document again."""

from syneg_cli.round_trip.check import CheckTools, check_queries, need_scorer
from syneg_cli.round_trip.choose import JUDGED, SHORT, Chosen, choose_documents
from syneg_cli.round_trip.search import default_top
from syneg_cli.round_trip.to_be_judged import judge_requests

__all__ = [
    "JUDGED",
    "SHORT",
    "CheckTools",
    "Chosen",
    "check_queries",
    "choose_documents",
    "default_top",
    "judge_requests",
    "need_scorer",
]

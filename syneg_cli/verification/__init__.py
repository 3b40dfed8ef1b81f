"""Which negatives are relevant after all: a file per check, and what follows from the verdicts."""

from syneg_cli.verification.judge import classify_verdict, is_graded, judge_request
from syneg_cli.verification.registry import CHECKS
from syneg_cli.verification.settings import VerifySettings
from syneg_cli.verification.tools import Tools
from syneg_cli.verification.verdicts import (
    Candidate,
    Check,
    Checked,
    NoVerdict,
    Place,
    Verdict,
    applied,
    candidate_of,
    first_ranked,
    known_of,
    place_of,
    settled,
    settled_all,
    source_of,
    unverified,
    verdicts_of,
)

__all__ = [
    "CHECKS",
    "Candidate",
    "Check",
    "Checked",
    "NoVerdict",
    "Place",
    "Tools",
    "Verdict",
    "VerifySettings",
    "applied",
    "candidate_of",
    "classify_verdict",
    "first_ranked",
    "is_graded",
    "judge_request",
    "known_of",
    "place_of",
    "settled",
    "settled_all",
    "source_of",
    "unverified",
    "verdicts_of",
]

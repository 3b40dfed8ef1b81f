"""Which negatives are relevant after all: a file per check, and what follows from the verdicts."""

from syneg_cli.verification.registry import CHECKS
from syneg_cli.verification.settings import VerifySettings
from syneg_cli.verification.tools import Tools
from syneg_cli.verification.verdicts import (
    Check,
    Checked,
    Verdict,
    applied,
    candidate_of,
    known_of,
    place_of,
    settled,
    unverified,
)

__all__ = [
    "CHECKS",
    "Check",
    "Checked",
    "Tools",
    "Verdict",
    "VerifySettings",
    "applied",
    "candidate_of",
    "known_of",
    "place_of",
    "settled",
    "unverified",
]

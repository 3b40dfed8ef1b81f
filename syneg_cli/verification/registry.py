"""Checks by name. A new check is a file here and a line."""

from __future__ import annotations

from collections.abc import Callable

from syneg_cli.verification import cross_encoder, judge, margin
from syneg_cli.verification.tools import Tools
from syneg_cli.verification.verdicts import Check

CHECKS: dict[str, Callable[[Tools], Check]] = {
    "judge": judge.make,
    "margin": margin.make,
    "cross-encoder": cross_encoder.make,
}

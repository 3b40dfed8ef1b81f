"""Random streams that content names, not order or time."""

from __future__ import annotations

import hashlib
import random

from syneg_cli.records import Pair


def stream(seed: int, pair: Pair, number: int) -> random.Random:
    """The random stream of one draw, the same in every process and for every input order."""
    name = f"{seed}\0{pair.query_id}\0{pair.doc_id}\0{number}"
    return random.Random(hashlib.sha256(name.encode()).digest())

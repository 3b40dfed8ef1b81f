"""The one way to draw: random numbers that content names (seed, query, positive, round), not order or time.

A stream's name is a text that holds all it depends on. The same name gives the same numbers in
every process, for every order of the input, whatever else is drawn.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def digest(name: str) -> bytes:
    """The sha256 of a stream's name, which everything below is made from."""
    return hashlib.sha256(name.encode()).digest()


def joined(*parts: object) -> str:
    """A name from its parts, with a separator that no id holds."""
    return "\0".join(map(str, parts))


def listed(*parts: object) -> str:
    """A name from its parts, as a JSON list."""
    return json.dumps(parts)


def stream(name: str) -> random.Random:
    """Python's generator, for one draw."""
    return random.Random(digest(name))


def generator(name: str) -> np.random.Generator:
    """NumPy's generator, for one draw of arrays."""
    import numpy as np

    return np.random.default_rng(int.from_bytes(digest(name)[:16], "big"))


def pick(name: str, count: int) -> int:
    """A number from 0 to `count` - 1."""
    return int.from_bytes(digest(name)[:8], "big") % count

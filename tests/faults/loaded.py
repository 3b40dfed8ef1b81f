"""Loads what every command may need, once, in the process that the others are forked from."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module

os.environ["OMP_NUM_THREADS"] = "1"

from tests.faults.machine import HEAVY

for name in (*HEAVY, "syneg_cli.cli.app", "syneg_cli.stages", "syneg_cli.training.trainer"):
    with suppress(ImportError):
        import_module(name)

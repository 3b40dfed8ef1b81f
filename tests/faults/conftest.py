from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.projects import Projects


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Projects:
    """Made once; every case works on a copy."""
    return Projects.made(tmp_path_factory.mktemp("projects"), tiny_model)


@pytest.fixture(scope="session")
def every() -> bool:
    """Whether every single moment is tried, and not up to fifty of a stage: FAULTS=all."""
    return os.environ.get("FAULTS") == "all"

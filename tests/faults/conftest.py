from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.projects import Projects


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Projects:
    """Made once; every case works on a copy."""
    return Projects.made(tmp_path_factory.mktemp("projects"), tiny_model)

"""What stages are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli


@pytest.fixture
def mixed(tiny: Path, tiny_model: Path, cli: Cli) -> Cli:
    """A mix of mined negatives, ready to be trained on."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\ndepth = 2\n'
        'percentage = "off"\n[mix]\nstrategy = "retrieved"\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\noutput = "m"\nprecision = "fp32"\n'
    )
    for command in ("mine", "mix"):
        assert cli(command).code == 0
    return cli

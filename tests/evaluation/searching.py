"""What a search with something beside a model's own vectors must not be taken for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import Cli


def trained_and_apart(
    cli: Cli, tiny: Path, tiny_model: Path, setting: str, weight: float, suffix: str, sentence: str
) -> Path:
    """The page of a trained model: neither it nor the card has figures that are not the model's own, unless asked."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0.0\n[mix]\nstrategy = "retrieved"\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\n',
        encoding="utf-8",
    )
    assert cli("run").code == 0
    (card,) = Path(".syneg/tiny/models").glob("*/README.md")
    before = card.read_text(encoding="utf-8")
    found: Any = cli("eval", f"--{setting}", weight, "--json").json
    assert found["baseline"]["name"].endswith(suffix)
    assert card.read_text(encoding="utf-8") == before
    assert cli("report").code == 0
    page = Path(".syneg/tiny/report/report.md")
    own, _, compared = page.read_text(encoding="utf-8").partition("## The models compared")
    assert sentence.split(":")[0] not in own, "what it gains has a figure of its own"
    assert sentence.split(":")[0] in compared
    assert cli("report", "--set", f"eval.{setting}={weight}").code == 0
    assert sentence in page.read_text(encoding="utf-8")
    return page

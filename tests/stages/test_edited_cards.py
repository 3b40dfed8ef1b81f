"""A model's card is the user's as soon as they edit it."""

from __future__ import annotations

import pytest

from tests.conftest import Cli
from tests.stages.test_own_files import MODEL


@pytest.mark.parametrize("part", ["head", "body", "bytes"])
def test_a_card_that_somebody_edited_is_not_lost(mixed: Cli, part: str) -> None:
    assert mixed("train").code == 0
    assert mixed("eval").code == 0  # which notes its metrics in the card: that is no edit
    assert mixed("train", "--lr", 0.001).code == 0
    card = MODEL / "README.md"
    wrote = {
        "head": ("---\n", "---\nlicense: mit\n"),
        "body": ("# ", "Mine.\n\n# "),
        "bytes": ("# ", "\udcff# "),
    }
    text = card.read_text(encoding="utf-8").replace(*wrote[part], 1)
    card.write_bytes(text.encode("utf-8", "surrogateescape"))
    if part != "bytes":
        assert mixed("eval").code == 0
        text = card.read_text(encoding="utf-8")
    (MODEL / "training.jsonl").write_text("")  # a damaged model takes no edited card with it
    result = mixed("train", "--lr", 0.002)
    assert result.code == 2
    assert f"{card} was edited since it was made" in result.err
    assert "--force" in result.err
    assert card.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert mixed("train", "--lr", 0.002, "--force").code == 0
    card.unlink()
    assert mixed("train", "--lr", 0.003).code == 0, "one that is gone is not missed"

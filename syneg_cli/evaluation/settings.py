"""What is measured, and how the encoder runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syneg_cli.core import Positive, Section, Text, setting
from syneg_cli.evaluation.significance import MARGIN


class EvalSettings(Section):
    """Evaluation."""

    split: Text = setting("test", "Which judgements.", decides=False, values=("<split>",))
    depth: Positive = setting(100, "First documents of a query that --rerank reads again.", decides=False)
    batch_size: Positive = setting(32, "Texts of 128 tokens in a batch.", decides=False)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "auto is bf16 where the processor has it, else fp32."
    )
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)] = setting(
        MARGIN, "A mean difference that does not matter: surely within it is equivalent.", decides=False
    )

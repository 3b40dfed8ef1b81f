"""What checks are made from. Models are loaded by the first check that needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from syneg_cli.core import NoProgress, Progress
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.generation import Prompt
from syneg_cli.llm import Asked, Classify, Request
from syneg_cli.verification.settings import VerifySettings

Ask = Callable[[int, Callable[[int], Request], Classify], "list[Asked]"]
"""(count, what makes each request, what tells good answers) -> what came of each."""


@dataclass(frozen=True)
class Tools:
    """Everything that a check may need."""

    dataset: Dataset
    settings: VerifySettings
    make_encoder: Callable[[], Encodes]
    prompt: Callable[[], Prompt]
    """The judge's prompt, checked."""
    ask: Ask
    seed: int = 0
    progress: Progress = field(default_factory=NoProgress)

"""Prompts and answers: negatives, mirrored queries, quality checks, estimates."""

from syneg_cli.generation.answer_checks import classify
from syneg_cli.generation.answer_objects import read_object
from syneg_cli.generation.estimate import Estimate, estimate, estimate_each
from syneg_cli.generation.filling import fill, recall
from syneg_cli.generation.mirror_queries import OwnQueries, mirror_queries
from syneg_cli.generation.negatives import read_negatives
from syneg_cli.generation.outcome import Nouns, Outcome
from syneg_cli.generation.prompt_files import (
    JUDGEMENT,
    NEGATIVES,
    QUERY,
    Prompt,
    list_prompts,
    load_prompt,
    of_kind,
)
from syneg_cli.generation.query_settings import QuerySettings
from syneg_cli.generation.requests import Asker, Asking, Generator, candidates_of, items_of, select_pairs
from syneg_cli.generation.settings import GenerateSettings

__all__ = [
    "JUDGEMENT",
    "NEGATIVES",
    "QUERY",
    "Asker",
    "Asking",
    "Estimate",
    "GenerateSettings",
    "Generator",
    "Nouns",
    "Outcome",
    "OwnQueries",
    "Prompt",
    "QuerySettings",
    "candidates_of",
    "classify",
    "estimate",
    "estimate_each",
    "fill",
    "items_of",
    "list_prompts",
    "load_prompt",
    "mirror_queries",
    "of_kind",
    "read_negatives",
    "read_object",
    "recall",
    "select_pairs",
]

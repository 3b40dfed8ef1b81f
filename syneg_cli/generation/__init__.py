"""Prompts and answers: negatives, mirrored queries, quality checks, estimates."""

from syneg_cli.generation.answer_checks import classify, has_words
from syneg_cli.generation.answer_objects import read_object
from syneg_cli.generation.estimate import Estimate, Range, estimate, estimate_each
from syneg_cli.generation.filling import every_item, fill, open_items, recall
from syneg_cli.generation.mirror_queries import OwnQueries, OwnQuery, mirror_queries
from syneg_cli.generation.negatives import read_negatives
from syneg_cli.generation.outcome import Nouns, Outcome, asked_again
from syneg_cli.generation.prompt_files import (
    JUDGEMENT,
    NEGATIVES,
    QUERIES,
    QUERY,
    REWRITES,
    Prompt,
    list_prompts,
    load_prompt,
    of_kind,
)
from syneg_cli.generation.query_answers import (
    COPIED,
    SAME,
    bare,
    copied_share,
    text_problem,
)
from syneg_cli.generation.query_settings import QuerySettings
from syneg_cli.generation.query_writing import (
    QueryAsker,
    QueryWriter,
    documents_of,
    negates,
    query_asker,
    read_queries,
    training_queries,
)
from syneg_cli.generation.requests import Asker, Asking, Generator, candidates_of, items_of, select_pairs
from syneg_cli.generation.settings import GenerateSettings

__all__ = [
    "COPIED",
    "JUDGEMENT",
    "NEGATIVES",
    "QUERIES",
    "QUERY",
    "REWRITES",
    "SAME",
    "Asker",
    "Asking",
    "Estimate",
    "GenerateSettings",
    "Generator",
    "Nouns",
    "Outcome",
    "OwnQueries",
    "OwnQuery",
    "Prompt",
    "QueryAsker",
    "QuerySettings",
    "QueryWriter",
    "Range",
    "asked_again",
    "bare",
    "candidates_of",
    "classify",
    "copied_share",
    "documents_of",
    "estimate",
    "estimate_each",
    "every_item",
    "fill",
    "has_words",
    "items_of",
    "list_prompts",
    "load_prompt",
    "mirror_queries",
    "negates",
    "of_kind",
    "open_items",
    "query_asker",
    "read_negatives",
    "read_object",
    "read_queries",
    "recall",
    "select_pairs",
    "text_problem",
    "training_queries",
]

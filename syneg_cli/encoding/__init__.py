"""Backbones and encoders: found, loaded, run, their vectors cached and searched."""

from syneg_cli.encoding.api_encoder import ApiEncoder, Encodes
from syneg_cli.encoding.asking_vectors import Terms, Texts
from syneg_cli.encoding.assemble import join_towers
from syneg_cli.encoding.backbones import BACKBONES, hub_id
from syneg_cli.encoding.counting import token_counter
from syneg_cli.encoding.cross_encoders import (
    is_cross_encoder,
    load_cross_encoder,
    need_cross_encoder,
    need_retriever,
    new_cross_encoder,
    pair_scores,
)
from syneg_cli.encoding.embedding_cache import Choice, Entry, choose, entries, remove
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.index import Index, Rows, best_rows, exact, similarities
from syneg_cli.encoding.kept_layers import Kept, unpadded
from syneg_cli.encoding.loading import find as find_model
from syneg_cli.encoding.loading import known_by_name, load_model, locate, may_be, weights_hash
from syneg_cli.encoding.prompts import Task, prompt_of
from syneg_cli.encoding.push import check_push, push, read_card
from syneg_cli.encoding.settings import EmbedSettings
from syneg_cli.encoding.split_layers import why_whole
from syneg_cli.encoding.token_batches import plain_tokens
from syneg_cli.encoding.tower import Tower, resolve_precision
from syneg_cli.encoding.unpaid import Unpaid, unpaid

__all__ = [
    "BACKBONES",
    "ApiEncoder",
    "Choice",
    "EmbedSettings",
    "Encoder",
    "Encodes",
    "Entry",
    "Index",
    "Kept",
    "Rows",
    "Task",
    "Terms",
    "Texts",
    "Tower",
    "Unpaid",
    "best_rows",
    "check_push",
    "choose",
    "entries",
    "exact",
    "find_model",
    "hub_id",
    "is_cross_encoder",
    "join_towers",
    "known_by_name",
    "load_cross_encoder",
    "load_model",
    "locate",
    "may_be",
    "need_cross_encoder",
    "need_retriever",
    "new_cross_encoder",
    "pair_scores",
    "plain_tokens",
    "prompt_of",
    "push",
    "read_card",
    "remove",
    "resolve_precision",
    "similarities",
    "token_counter",
    "unpadded",
    "unpaid",
    "weights_hash",
    "why_whole",
]

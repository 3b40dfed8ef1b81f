"""Language models: providers, many calls at once, limits of speed and money, the cache of all answers."""

from syneg_cli.llm import cache_exchange
from syneg_cli.llm.addresses import public_url
from syneg_cli.llm.asking import Asked, Tick, ask_each, drive, rare_collection, run
from syneg_cli.llm.base import (
    LLM,
    Answer,
    Item,
    NoModel,
    NoRecording,
    Request,
    Subject,
    TooLong,
    TooMany,
    Unanswerable,
)
from syneg_cli.llm.batch_files import DONE, Collected, collect, openai_of, submit
from syneg_cli.llm.budget import CHARS_PER_TOKEN, settled_price
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.cache_file import look_at
from syneg_cli.llm.embedders import Embedder, embedding_api, embedding_endpoint, open_embedder
from syneg_cli.llm.embeddings import (
    MOST_INPUTS,
    MOST_TOKENS,
    Embedded,
    Embedding,
    Wanted,
    embedding_price,
    most_inputs,
)
from syneg_cli.llm.engine import Classify, Engine
from syneg_cli.llm.ledger import RAISE_CAP, Totals
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.prices import BATCH_DISCOUNT, Price
from syneg_cli.llm.providers import open_llm, split_spec
from syneg_cli.llm.reach import loads_here, served_models
from syneg_cli.llm.request_files import Came, Written, batch_price, keyed, read_answers, write_requests
from syneg_cli.llm.settings import CallSettings
from syneg_cli.llm.statistics import LEFT, Stats
from syneg_cli.llm.stored import OK, STATUSES, TRUNCATED, UNPARSABLE, Stored, generation_key

__all__ = [
    "BATCH_DISCOUNT",
    "CHARS_PER_TOKEN",
    "DONE",
    "LEFT",
    "LLM",
    "MOST_INPUTS",
    "MOST_TOKENS",
    "OK",
    "RAISE_CAP",
    "STATUSES",
    "TRUNCATED",
    "UNPARSABLE",
    "Answer",
    "Asked",
    "Cache",
    "CallSettings",
    "Came",
    "Classify",
    "Collected",
    "Embedded",
    "Embedder",
    "Embedding",
    "Engine",
    "Item",
    "Limits",
    "NoModel",
    "NoRecording",
    "Price",
    "Request",
    "Stats",
    "Stored",
    "Subject",
    "Tick",
    "TooLong",
    "TooMany",
    "Totals",
    "Unanswerable",
    "Wanted",
    "Written",
    "ask_each",
    "batch_price",
    "cache_exchange",
    "collect",
    "drive",
    "embedding_api",
    "embedding_endpoint",
    "embedding_price",
    "generation_key",
    "keyed",
    "loads_here",
    "look_at",
    "most_inputs",
    "open_embedder",
    "open_llm",
    "openai_of",
    "public_url",
    "rare_collection",
    "read_answers",
    "run",
    "served_models",
    "settled_price",
    "split_spec",
    "submit",
    "write_requests",
]

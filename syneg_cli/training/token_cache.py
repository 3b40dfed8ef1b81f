"""Tokenising every training text once, however often an epoch or a batch brings it back."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syneg_cli.encoding import Task, plain_tokens, prompt_of
from syneg_cli.training.batches import Tokenise

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


TEXTS = 100_000
"""Texts whose tokens are kept: about 100 MB at 256 tokens; the least recently used go first."""


def tokeniser(model: SentenceTransformer) -> Tokenise:
    """(texts, task) -> what the model's `preprocess` gives, from memory where a text was seen before."""
    cache = TokenCache(model)

    def tokenise(texts: list[str], task: Task) -> Mapping[str, Any]:
        prompt = prompt_of(model, task)
        if plain_tokens(model, prompt):
            return cache.features(texts, prompt)
        found: Mapping[str, Any] = model.preprocess(texts, prompt=prompt or None, task=task)
        return found

    return tokenise


class TokenCache:
    """Token ids by text, as arrays."""

    def __init__(self, model: SentenceTransformer, limit: int = TEXTS) -> None:
        self.model = model
        self.limit = limit
        self._known: OrderedDict[str, dict[str, array[int]]] = OrderedDict()

    def features(self, texts: list[str], prompt: str) -> dict[str, Any]:
        """Input tensors of a batch, padded to its longest text."""
        tokenizer: Any = self.model.tokenizer
        rows = self._rows([prompt + text for text in texts], tokenizer)
        columns = {name: [list(row[name]) for row in rows] for name in rows[0]}
        return dict(tokenizer.pad(columns, return_tensors="pt")) | {"modality": "text"}

    def _rows(self, texts: list[str], tokenizer: Any) -> list[dict[str, array[int]]]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if missing:
            found = tokenizer(missing, truncation=True, max_length=self.model.max_seq_length)
            for place, text in enumerate(missing):
                self._known[text] = {name: array("i", values[place]) for name, values in found.items()}
        rows = []
        for text in texts:
            self._known.move_to_end(text)
            rows.append(self._known[text])
        while len(self._known) > self.limit:
            self._known.popitem(last=False)
        return rows

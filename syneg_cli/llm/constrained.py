"""Decoding that follows a JSON schema, so that small models always answer in valid JSON.

llguidance says which tokens the schema allows next; all others get the score minus infinity.
Near the end of the token budget only what closes the object stays allowed: an answer may
become short, but never broken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CLOSING = ('"', "]", "}", ",", ":")
"""What ends a string, a list and an object, in the order in which a hurried answer takes them."""

SLACK_TOKENS = 8


class FollowSchema:
    """A logits processor for `transformers`; keeps one matcher per row of the batch.

    Args:
        schemas: one per row; None leaves that row free.
        tokens: llguidance's tokenizer.
        max_tokens: the budget of new tokens.
        end: the token that ends an answer for the model.
    """

    def __init__(
        self, schemas: Sequence[Mapping[str, Any] | None], tokens: Any, max_tokens: int, end: int
    ) -> None:
        from llguidance import LLMatcher

        self.end = end
        options: Any = {"whitespace_flexible": False}
        self.matchers = [
            LLMatcher(tokens, LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=options))
            if schema is not None
            else None
            for schema in schemas
        ]
        self.closing = [found[0] for text in CLOSING if len(found := tokens.tokenize_str(text)) == 1]
        reserve = max((smallest(schema) for schema in schemas if schema is not None), default=0)
        self.hurry_at = max_tokens - reserve - SLACK_TOKENS
        self.step = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """(batch, length), (batch, vocabulary) -> scores with what is not allowed at minus infinity."""
        import torch

        width = scores.shape[1]
        for row, matcher in enumerate(self.matchers):
            if matcher is None:
                continue
            if self.step and not matcher.is_stopped():
                matcher.consume_token(int(input_ids[row, -1]))
            if matcher.is_stopped():
                allowed = torch.zeros(width, dtype=torch.bool)
                allowed[self.end] = True
            else:
                mask = torch.frombuffer(bytearray(matcher.compute_bitmask()), dtype=torch.uint8)
                allowed = (
                    ((mask.unsqueeze(1) >> torch.arange(8, dtype=torch.uint8)) & 1).flatten()[:width].bool()
                )
                allowed = self._hurried(allowed) if self.step >= self.hurry_at else allowed
            scores[row].masked_fill_(~allowed.to(scores.device), float("-inf"))
        self.step += 1
        return scores

    def _hurried(self, allowed: torch.Tensor) -> torch.Tensor:
        """Only the first of the closing tokens that is allowed; all that is allowed where none is."""
        import torch

        for token in self.closing:
            if allowed[token]:
                only = torch.zeros_like(allowed)
                only[token] = True
                return only
        return allowed


def smallest(schema: Mapping[str, Any]) -> int:
    """Characters of the shortest answer that follows the schema; a token has at least one."""
    return len(json.dumps(_skeleton(schema), separators=(",", ":")))


def _skeleton(schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {key: _skeleton(inner) for key, inner in schema["properties"].items()}
    if kind == "array":
        return [_skeleton(schema["items"]) for _ in range(max(1, schema.get("minItems", 1)))]
    if "enum" in schema:
        return max(schema["enum"], key=len)
    return {"boolean": False, "integer": 0, "number": 0.0}.get(str(kind), "")

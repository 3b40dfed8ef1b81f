"""A line of a batch: a request as OpenAI's Batch API and vLLM's `run-batch` take it, or an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from syneg_cli.core import BadResponse, printable
from syneg_cli.llm.base import Item
from syneg_cli.llm.completions import read_completion
from syneg_cli.llm.engine import Classify, Engine, judged
from syneg_cli.llm.openai import OpenAI
from syneg_cli.llm.stored import Stored

ENDPOINT: Final = "/v1/chat/completions"
SAID = 200
"""Characters of an error that are kept."""


def request_line(item: Item, llm: OpenAI) -> bytes:
    """The request under its key in the cache, by which its answer is known again."""
    line = {"custom_id": item.key, "method": "POST", "url": ENDPOINT, "body": llm.options(item.request)}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Line:
    """What came of a request; `failed` is what was said instead of an answer, `key` "" for none of ours."""

    key: str
    body: Any = None
    failed: str = ""

    def stored(self, item: Item, engine: Engine, classify: Classify) -> Stored:
        """The answer to the request, as the cache keeps it.

        Raises:
            LLMError: there is none in it.
        """
        answer = read_completion(self.body, 0.0, None, "the batch")
        return engine.stored(item.key, item.request, answer, judged(classify, answer), item.about)


def read_line(content: bytes) -> Line:
    """A line of what a batch brought: of its output, or of its errors.

    Raises:
        BadResponse: it is none.
    """
    try:
        line = json.loads(content)
        key, response, error = line.get("custom_id"), line.get("response") or {}, line.get("error")
        code = response.get("status_code")
    except (ValueError, RecursionError, AttributeError):
        raise BadResponse("no JSON object of a batch") from None
    if "method" in line and "response" not in line:
        raise BadResponse("a request, and no answer to one")
    key, body = key if isinstance(key, str) else "", response.get("body")
    if error or (isinstance(code, int) and code != 200):
        return Line(key, failed=_said(error) or _said(body) or f"status {code}")
    return Line(key, body)


def _said(error: Any) -> str:
    """The words of an error: vLLM puts them into the line or deeper, OpenAI into a body."""
    while isinstance(error, dict):
        error = error.get("error") or error.get("message") or error.get("code")
    return printable(str(error))[:SAID] if error else ""

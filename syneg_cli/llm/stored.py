"""One stored answer, and the key that its request is known by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timezone
from types import NoneType
from typing import Any

from pydantic_core import to_json

from syneg_cli.core import SynegError, brief, content_hash, parsed
from syneg_cli.llm.base import Answer, Request

KEY_VERSION = 1
OK, TRUNCATED, UNPARSABLE, REFUSED = "ok", "truncated", "unparsable", "refused"
STATUSES = (OK, TRUNCATED, UNPARSABLE, REFUSED)
DECLINED = ("refusal", "content_filter", "safety", "recitation", "prohibited_content")
"""The `finish` of answers that were withheld, in lower case; their text may be a word of regret."""


def generation_key(identity: Mapping[str, str], request: Request) -> str:
    """The hash of everything that changes the answer, as one list in JSON; the messages are its last item."""
    decisive = [KEY_VERSION, identity["provider"], identity["model"], identity["endpoint"]]
    decisive += [schema_hash(request.schema), request.temperature, request.seed]
    # Of a long text `json` makes the same bytes, and takes five times as long.
    messages = b", ".join(b"[%s, %s]" % (to_json(role), to_json(text)) for role, text in request.messages)
    return hashlib.sha256(b"%s, [%s]]" % (_encode(decisive)[:-1].encode(), messages)).hexdigest()


_encode = json.JSONEncoder(ensure_ascii=False).encode
_SCHEMAS: dict[int, tuple[object, str, int]] = {}


def schema_hash(schema: Mapping[str, Any] | None) -> str | None:
    return _known_schema(schema)[1] if schema is not None else None


def schema_size(schema: Mapping[str, Any] | None) -> int:
    """Bytes of a schema as JSON."""
    return _known_schema(schema)[2] if schema is not None else 0


def _known_schema(schema: Mapping[str, Any]) -> tuple[object, str, int]:
    """(schema, hash, size), remembered by identity: all requests of a run share one schema."""
    known = _SCHEMAS.get(id(schema))
    if known is None or known[0] is not schema:
        _SCHEMAS.clear()
        known = _SCHEMAS[id(schema)] = (schema, content_hash(schema), len(json.dumps(schema)))
    return known


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored answer. `status` is one of the four above; `cost_usd` None is unpriced."""

    key: str
    status: str
    provider: str
    model: str
    endpoint: str
    prompt: str
    query_id: str
    doc_id: str
    response: str
    messages: str = "[]"
    """The request's messages as JSON."""
    options: str = "{}"
    """Temperature, seed and the schema's hash as JSON."""
    max_tokens: int = 0
    attributes: str = "{}"
    n: int | None = None
    words: int | None = None
    number: int | None = None
    """The negative's number, where the request was about one negative."""
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """SQLite takes anything in any column: a damaged or foreign database is found here.

        NULL, as early versions left it, is the field's default.

        Raises:
            SynegError: a field holds what no answer has.
        """
        for name, kinds in KINDS:
            value = getattr(self, name)
            if value is None and name in DEFAULTS:
                object.__setattr__(self, name, DEFAULTS[name])
            elif not isinstance(value, kinds) or (isinstance(value, int) and abs(value) >= LARGE):
                raise self._damaged(name, value)

    @property
    def drawn(self) -> dict[str, Any]:
        """The attributes that were asked for."""
        return dict(self._parsed("attributes", dict))

    @property
    def asked(self) -> list[tuple[str, str]]:
        """(role, text) of the request's messages."""
        found = self._parsed("messages", list)
        if not all(isinstance(part, list) and len(part) == 2 for part in found):
            raise self._damaged("messages", self.messages)
        return [(str(role), str(text)) for role, text in found]

    def _parsed(self, name: str, kind: type) -> Any:
        try:
            value = parsed(getattr(self, name))[0]
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, kind):
            raise self._damaged(name, getattr(self, name))
        return value

    def _damaged(self, name: str, value: object) -> SynegError:
        return SynegError(
            f"The stored answer {brief(self.key)} is damaged: its {name} is {brief(value)}.",
            hint="Keep a copy of the cache; `syneg cache prune` takes answers out.",
        )

    def serves(self, max_tokens: int, *, again: bool = False) -> bool:
        """Whether it answers a request with this bound; a cut-off one does not answer a larger.

        Args:
            again: what could not be used is asked for again.
        """
        if again and self.status != OK:
            return False
        return self.status != TRUNCATED or self.max_tokens >= max_tokens


LARGE = 2**63
"""No number of SQLite is as large."""
DEFAULTS = {f.name: f.default for f in fields(Stored) if f.default is not MISSING} | {"created": ""}
Kinds = tuple[type, ...]
KINDS: tuple[tuple[str, Kinds], ...] = tuple(
    {
        **dict.fromkeys((f.name for f in fields(Stored)), (str,)),
        **dict.fromkeys(("max_tokens", "prompt_tokens", "completion_tokens"), (int,)),
        **dict.fromkeys(("n", "words", "number"), (int, NoneType)),
        "seconds": (int, float),
        "cost_usd": (int, float, NoneType),
    }.items()
)
"""What the fields of a stored answer hold."""

COLUMNS = tuple(f.name for f in fields(Stored))
INSERT = f"INSERT INTO answers ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def settled_status(answer: Answer, status: str) -> str:
    """ "refused" for an answer that cannot be used because it was withheld, else the status it was given."""
    return REFUSED if status != OK and answer.finish.lower() in DECLINED else status


def options_json(request: Request) -> str:
    """What `Stored.options` keeps of a request."""
    kept = {"temperature": request.temperature, "seed": request.seed, "schema": schema_hash(request.schema)}
    return json.dumps(kept)


def stored_answer(
    key: str,
    identity: Mapping[str, str],
    model: str,
    request: Request,
    answer: Answer,
    status: str,
    cost_usd: float | None,
    about: Mapping[str, Any],
) -> Stored:
    """What the cache keeps of an answer.

    Args:
        about: more columns of `Stored` (attributes, n, words).
    """
    return Stored(
        key=key,
        status=status,
        provider=identity["provider"],
        model=model,
        endpoint=identity["endpoint"],
        prompt=request.subject.prompt,
        query_id=request.subject.query_id,
        doc_id=request.subject.doc_id,
        number=request.subject.index,
        response=answer.text,
        messages=json.dumps(request.messages, ensure_ascii=False),
        options=options_json(request),
        max_tokens=request.max_tokens,
        finish_reason=answer.finish,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost_usd=cost_usd,
        seconds=answer.seconds,
        **about,
    )

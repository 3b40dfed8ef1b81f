"""Servers with odd habits, as they are met in the world: each one way of answering, and what is right then."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.servers.chat import Body, Reply, good_reply, prompt_of

PAGE = "<!DOCTYPE html><html><head><title>{}</title></head><body><p>Sorry</p></body></html>"
CALLS_IN_FLIGHT = 8
Respond = Callable[[Body, int], Reply]


@dataclass(frozen=True)
class Habit:
    """`says` is in what the person sees. `each` bounds the requests for one answer, and `finding` what each call
    of the first wave needs on top of it to find out what the server takes. `stops`: nothing is asked twice.
    """

    name: str
    respond: Respond
    answers: bool = True
    says: str = ""
    each: int = 1
    finding: int = 0
    stops: bool = False
    protocol: str = "openai"


def text_of(body: Body, number: int) -> str:
    """A good answer to whatever is asked: negatives, or a judgement."""
    if "judge the results" in prompt_of(body):
        return json.dumps({"reasoning": "r", "evidence": "", "relevant": False})
    return str(good_reply(body, number).text)


def good(body: Body, number: int, **more: Any) -> Reply:
    return Reply(text=text_of(body, number), **more)


def completion(content: Any, **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": "stop"}], "usage": {}}


def takes(*options: str, status: int = 400, says: str = "Unsupported parameter: '{}'") -> Respond:
    """Refuses all options beside these; one error names one option."""

    def respond(body: Body, number: int) -> Reply:
        wrong = sorted(set(body) - {"model", "messages", *options})
        return Reply(status=status, error=says.format(wrong[0])) if wrong else good(body, number)

    return respond


def always(reply: Reply) -> Respond:
    return lambda body, number: reply


def sends(shape: Callable[[str], Any]) -> Respond:
    """Sends a body of this shape, with a good answer's text in it."""
    return lambda body, number: Reply(raw=shape(text_of(body, number)))


def writes(shape: Callable[[str], str]) -> Respond:
    """Writes a good answer in this way."""
    return lambda body, number: Reply(text=shape(text_of(body, number)))


def first_then_good(reply: Reply) -> Respond:
    return lambda body, number: reply if number == 1 else good(body, number)


def echoing(body: Body, number: int) -> Reply:
    """As FastAPI does: the error holds the whole request."""
    wrong = sorted(set(body) - {"model", "messages", "max_tokens"})
    if not wrong:
        return good(body, number)
    detail = [{"loc": ["body", wrong[0]], "msg": "Extra inputs are not permitted", "input": body}]
    return Reply(raw={"detail": detail}, status=422)


def streamed(text: str) -> str:
    half = len(text) // 2
    events = [{"choices": [{"delta": {"content": part}}]} for part in (text[:half], text[half:])]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


def using_a_tool(text: str) -> dict[str, Any]:
    return completion(
        None, tool_calls=[{"type": "function", "function": {"name": "answer", "arguments": text}}]
    )


BOTH = "max_tokens and max_completion_tokens: use the other one"
LONG = "This model's maximum context length is 16 tokens. Please reduce the length of the messages."
ROUTED = {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "it fell over"}}}

ODD = [
    Habit("wants max_completion_tokens", takes("max_completion_tokens", "response_format"), finding=3),
    Habit("names both lengths", takes("max_completion_tokens", says=BOTH + " ({})"), finding=6),
    Habit("takes no length", takes("seed"), says="takes no bound", finding=6),
    Habit("takes no option", takes(), says="takes no bound", finding=6),
    Habit("a reasoning model", takes("max_completion_tokens", "response_format", "seed"), finding=2),
    Habit("echoes the request", echoing, finding=4),
    Habit("refuses everything", always(Reply(status=400, error=f"{BOTH}, no")), False, f"{BOTH}, no", 8),
    Habit("finds all too long", always(Reply(status=400, error=LONG)), False, "maximum context length"),
    Habit("filters all", always(Reply(status=400, error="content policy", code="content_filter")), False),
    Habit("declines", always(Reply(raw=completion(None, refusal="I will not."))), False),
    Habit("withholds", always(Reply(text="", finish="content_filter")), False),
    Habit("sends parts", sends(lambda text: completion([{"type": "text", "text": text}]))),
    Habit(
        "sends thoughts apart",
        sends(lambda text: completion([{"type": "thinking", "thinking": []}, {"type": "text", "text": text}])),
    ),
    Habit("sends the object itself", sends(lambda text: completion(json.loads(text)))),
    Habit("streams whatever is asked", sends(streamed)),
    Habit("streams half", sends(lambda text: streamed(text).partition("\n")[0]), False, "the stream ends", 8),
    Habit("sends null", always(Reply(raw=completion(None))), False, each=2),
    Habit("errs with 200", always(Reply(raw={"error": "out of order"})), False, "out of order", 8),
    Habit("a router errs once", first_then_good(Reply(raw=ROUTED)), finding=1),
    Habit("has no credit", always(Reply(raw={"error": {"message": "x", "code": 402}})), False, "no credit left", stops=True),
    Habit("a web page", always(Reply(raw=PAGE.format("Home"), kind="text/html")), False, "usually ends in /v1", stops=True),
    Habit("a proxy's page once", first_then_good(Reply(raw=PAGE.format("Bad"), status=502, kind="text/html")), finding=1),
    Habit("JSON of another kind", always(Reply(raw={"status": "ok"})), False, "no chat completion", stops=True),
    Habit("no choices", always(Reply(raw={"choices": []})), False, "without an answer", 8),
    Habit("an empty body", always(Reply(raw="")), False, "broken body", 8),
    Habit("thinks aloud", writes(lambda text: f'Maybe {{"negatives": []}}?</think>{text}')),
    Habit("talks in braces", writes(lambda text: f"The set {{a}} is {{b: c}}.\n```json\n{text}\n```\nDone {{d}}.")),
    Habit("writes lone surrogates", writes(lambda text: text.replace("word0", "\\ud800", 1))),
    Habit("calls a tool", sends(using_a_tool)),
    Habit("counts oddly", sends(lambda text: completion(text) | {"usage": {"prompt_tokens": "many"}})),
]  # fmt: skip

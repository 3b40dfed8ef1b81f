"""Servers with odd habits that speak Ollama's protocol; see odd.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.servers.chat import Body, Reply
from tests.servers.odd import PAGE, Respond, always, first_then_good, good, sends, writes
from tests.servers.odd import Habit as AnyHabit

Habit = partial(AnyHabit, protocol="ollama")
TOO_LONG = "the input length exceeds the context length"
MEMORY = "model requires more system memory (9.0 GiB) than is available (3.9 GiB)"


def chat(content: Any, *, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An answer of Ollama's without its counts."""
    said = {"role": "assistant", "content": content, **(message or {})}
    return {"model": "m", "message": said, "done": True, "done_reason": "stop", **more}


def without_formats(status: int, error: str) -> Respond:
    """Refuses every `format`."""
    return lambda body, number: (
        Reply(status=status, error=error) if body.get("format") else good(body, number)
    )


def streamed(text: str, *, ends: bool = True) -> str:
    """As lines, whatever `stream` says; with counts in the last one."""
    half = len(text) // 2
    parts = [chat(text[:half], done=False), chat(text[half:], done=False)]
    last = chat("", prompt_eval_count=10, eval_count=20)
    return "".join(json.dumps(part) + "\n" for part in [*parts, *([last] if ends else [])])


def breaking(text: str) -> str:
    return streamed(text, ends=False) + json.dumps({"error": "llama runner has stopped"}) + "\n"


def counting(prompt: Any, answer: Any) -> Callable[[str], Any]:
    return lambda text: chat(text, prompt_eval_count=prompt, eval_count=answer)


def using_a_tool(text: str) -> dict[str, Any]:
    return chat("", message={"tool_calls": [{"function": {"name": "answer", "arguments": json.loads(text)}}]})


def other_model(body: Body, number: int) -> Reply:
    return Reply(status=404, error="model 'm' not found")


ODD_OLLAMA = [
    Habit("has not pulled the model", other_model, False, "ollama pull m", stops=True),
    Habit("another path", always(Reply(status=404, raw="404 page not found", kind="text/plain")), False, "is no Ollama server", stops=True),
    Habit("a web page", always(Reply(raw=PAGE.format("Home"), kind="text/html")), False, "OLLAMA_HOST", stops=True),
    Habit("JSON of another kind", always(Reply(raw={"status": "ok"})), False, "no answer of Ollama", stops=True),
    Habit("no memory", always(Reply(status=500, error=MEMORY)), False, "more system memory", stops=True),
    Habit("an embedding model", always(Reply(status=400, error='"m" does not support chat')), False, "does not support chat", stops=True),
    Habit("falls over", always(Reply(status=500, error="llama runner process has terminated")), False, "has terminated", 8),
    Habit("falls over once", first_then_good(Reply(status=500, error="llama runner process has terminated")), finding=1),
    Habit("errs with 200", always(Reply(raw={"error": "out of order"})), False, "out of order", 8),
    Habit("finds all too long", always(Reply(status=400, error=TOO_LONG)), False, "exceeds the context length"),
    Habit("takes no schema", without_formats(400, "invalid format"), finding=3),
    Habit("fails on a schema", without_formats(500, "failed to load model vocabulary required for format"), finding=3),
    Habit("takes no thinking", always(Reply(status=400, error='"m" does not support thinking')), False, "support thinking"),
    Habit("sends nothing", always(Reply(text="")), False, each=2),
    Habit("only thinks", always(Reply(raw=chat(None, message={"thinking": "Let me see."}))), False, each=2),
    Habit("sends no message", always(Reply(raw=chat(None, message={}) | {"message": None})), False, "without an answer", 8),
    Habit("thinks aloud", writes(lambda text: f"<think>Maybe {{}}?</think>{text}")),
    Habit("thinks apart", sends(lambda text: chat(text, message={"thinking": "Let me see."}))),
    Habit("cut short", sends(lambda text: chat(text[:40], done_reason="length")), False, "truncated"),
    Habit("only loads", always(Reply(raw=chat("", done_reason="load"))), False, "only that the model was loaded", 8),
    Habit("loads first", first_then_good(Reply(raw=chat("", done_reason="load"))), finding=1),
    Habit("counts nothing", sends(chat)),
    Habit("counts oddly", sends(counting("many", -5))),
    Habit("counts in null", sends(counting(None, 1e300))),
    Habit("streams whatever is asked", sends(streamed)),
    Habit("streams half", sends(partial(streamed, ends=False)), False, "broke off", 8),
    Habit("errs in its stream", sends(breaking), False, "has stopped", 8),
    Habit("cuts off", lambda body, number: good(body, number, cut=True), False, "broke", 8),
    Habit("sends parts", sends(lambda text: chat([{"type": "text", "text": text}]))),
    Habit("sends the object itself", sends(lambda text: chat(json.loads(text)))),
    Habit("calls a tool", sends(using_a_tool)),
    Habit("writes lone surrogates", writes(lambda text: text.replace("word0", "\\ud800", 1))),
    Habit("is busy once", first_then_good(Reply(status=503, error="server busy, please try again")), finding=1),
    Habit("an empty body", always(Reply(raw="")), False, "broken body", 8),
    Habit("refuses the key", always(Reply(status=401, error="unauthorized")), False, "OLLAMA_API_KEY", stops=True),
]  # fmt: skip

"""What nobody may read: keys, and the passwords in addresses. Every message passes `masked`.

Known are the keys that were read (`remember`), the values of environment variables that are named like
one (`..._API_KEY`, `..._TOKEN`), and what stands before the @ of a server's or a proxy's address there.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, unquote

MASK = "***"
LEAST = 8
"""Letters of a secret that is looked for everywhere; a shorter one would hide half of every message."""

NO_SECRETS = ("ollama", "lm-studio", "not-needed", "no-key", "no-key-required", "sk-no-key-required", "dummy")
"""What is given as a key where a server needs none."""

NAMED = re.compile(r"(?:API_KEY|ACCESS_KEY|TOKEN|SECRET|PASSWORD|PASSWD)$", re.IGNORECASE)
ADDRESSED = re.compile(r"(?:_PROXY|_URL|_HOST|_ENDPOINT)$", re.IGNORECASE)
"""Names of variables that hold a secret, and of those that hold an address."""

SPECS = "openai|ollama|hf|replay|irds|run"
IN_TEXT = (
    (re.compile(r"(://)[^\s'\"<>]*@"), rf"\1{MASK}@"),
    (re.compile(rf"(?<![\w/.@-])(?!(?:{SPECS}):)[\w.+%-]+:[^\s'\"<>/@]+@(?=[\w\[])"), f"{MASK}@"),
    (
        re.compile(r"([?&](?:api[_-]?key|key|token|access_token|password|secret|sig)=)[^\s'\"<>&#]+", re.I),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b(?:sk-|hf_)[\w-]{16,}"), MASK),
)
"""What is a secret wherever it stands: the user and password of an address, with a scheme or without one,
what a query names a key, and the shapes of OpenAI's keys and the hub's tokens."""

_known: set[str] = set()


def remember(secret: str) -> None:
    """Hide a secret from all that is said from now on."""
    _known.update(part for part in (secret, secret.strip(), *secret.split()) if _counts(part))


def remember_address(url: str) -> None:
    """Hide what is secret in a server's address: user, password, and the values of its query."""
    for part in _in_address(url):
        remember(part)


def masked(text: str) -> str:
    """A message without secrets, in whatever form a server or a library repeats them."""
    return known_masked(text, of_any_shape=True)


def known_masked(text: str, *, of_any_shape: bool = False) -> str:
    """A text without the secrets that are known: for results, whose texts may look like secrets."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, MASK)
    if of_any_shape:
        for pattern, instead in IN_TEXT:
            text = pattern.sub(instead, text)
    return text


def without_keys(text: str) -> str:
    """A text without the keys and passwords that this process read to send them: for what a server answers.

    Variables that are only named like one are left out: their values may be words of the text.
    """
    forms = {form for secret in _known for form in (secret, *_forms(secret)) if form in text}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def _secrets() -> set[str]:
    found = set(_known)
    for name, value in os.environ.items():
        if NAMED.search(name):
            found.update(part for part in (value, *value.split()) if _counts(part))
        elif "@" in value and ADDRESSED.search(name):
            found.update(part for part in _in_address(value) if _counts(part))
    return found | {form for secret in found for form in _forms(secret)}


def _forms(secret: str) -> Iterator[str]:
    """A secret as addresses, JSON and Python write it."""
    yield from (quote(secret, safe=""), unquote(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1])


def _in_address(url: str) -> Iterator[str]:
    user = url.partition("://")[2] or url
    user, at, _ = user.rpartition("@")
    if at:
        _, colon, password = user.partition(":")
        yield password if colon else user
        yield b64encode(unquote(user).encode()).decode()
    query = url.partition("?")[2]
    yield from (value for value in re.findall(r"=([^&#\s]+)", query))


def _counts(secret: str) -> bool:
    return len(secret) >= LEAST and secret.lower() not in NO_SECRETS

"""Keys of servers: from the environment, from a `.env`, or from a file that its owner alone can read.

In that order. A project file has none, and no option takes one: others see those.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core.errors import UsageError, did_you_mean
from syneg_cli.core.private_files import others_may, write_private
from syneg_cli.core.secrets import remember

HUB, HUB_LOGIN = "HF_TOKEN", "The token of `hf auth login`"
NAMES = {
    "OPENAI_API_KEY": "openai:MODEL, and servers that speak its protocol",
    "OLLAMA_API_KEY": "ollama:MODEL, where the server wants one",
    HUB: "private models of the hub, and --push-to-hub",
}
"""The keys that syneg reads, and what for."""

ENVIRONMENT = "the environment"
LINE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$")

_folders: list[Path] = []


@dataclass(frozen=True)
class Key:
    """`value` never leaves the process but to its server; `origin` is where it was found."""

    name: str
    value: str
    origin: str

    def __repr__(self) -> str:
        return f"Key({self.name!r}, from {self.origin!r})"


def keys_beside(folder: Path) -> None:
    """From now on a `.env` in this folder (the project file's) is read, beside the current folder's."""
    _folders[:] = [folder]


def keys_file() -> Path:
    """Where `syneg keys set` keeps keys."""
    from platformdirs import user_config_path

    return user_config_path("syneg") / "keys"


def find_key(name: str) -> Key | None:
    """The key of that name, checked; None where there is none.

    Raises:
        UsageError: it holds what no HTTP header can carry (it is not shown), or would come from a file that
            others can read.
    """
    for key in _found(name):
        return Key(name, checked_key(name, key.value), key.origin)
    return None


def key_origins(name: str) -> list[str]:
    """Everywhere a key of that name is, the place that counts first."""
    return [key.origin for key in _found(name)]


def checked_key(name: str, value: str) -> str:
    """A key without blanks and line ends around it.

    Raises:
        UsageError: it holds what no key has.
    """
    remember(value)
    key = value.strip()
    wrong = next((place for place, letter in enumerate(key, 1) if not "!" <= letter <= "~"), None)
    if wrong is not None:
        login = " `hf auth login` asks for a token, too." if name in (HUB, HUB_LOGIN) else ""
        raise UsageError(
            f"{name} holds a character that no key has (number {wrong} of {len(key)}).",
            hint=f"Copy the key again: plain ASCII, on one line, without blanks.{login}",
        )
    return key


def hub_token() -> str | None:
    """The model hub's token: ours, or that of `hf auth login`; None where there is none.

    Raises:
        UsageError: as `find_key`.
    """
    if key := find_key(HUB):
        return key.value
    from huggingface_hub import get_token

    token = get_token()
    return checked_key(HUB_LOGIN, token) if token else None


def store_key(name: str, value: str) -> Path:
    """Keep a key in the file of keys; returns that file.

    Raises:
        UsageError: no key has that name, it is none, or others can read the file.
    """
    key = checked_key(known_key_name(name), value)
    if not key:
        raise UsageError(f"{name}: nothing was given.", hint="Paste the key, and press Enter.")
    _write({**_kept(), name: key})
    return keys_file()


def remove_key(name: str) -> bool:
    """Take a key out of the file of keys; whether it was there.

    Raises:
        UsageError: no key has that name, or others can read the file.
    """
    kept = _kept()
    if kept.pop(known_key_name(name), None) is None:
        return False
    _write(kept)
    return True


def known_key_name(name: str) -> str:
    """The name itself.

    Raises:
        UsageError: syneg reads no such key.
    """
    if name not in NAMES:
        raise UsageError(
            f"syneg reads no key {name!r}.{did_you_mean(name, list(NAMES))}",
            hint=f"The keys are {', '.join(NAMES)}.",
        )
    return name


def env_files() -> list[Path]:
    """The `.env` files that are read, each once."""
    places = {folder.resolve() / ".env": None for folder in (*_folders, Path())}
    return [place for place in places if place.is_file()]


def _found(name: str) -> Iterator[Key]:
    if os.environ.get(name, "").strip():
        yield Key(name, os.environ[name], ENVIRONMENT)
    for file in env_files():
        if value := _lines(file).get(name):
            yield Key(name, value, str(file))
    if value := _kept().get(name):
        yield Key(name, value, str(keys_file()))


def _kept() -> dict[str, str]:
    file = keys_file()
    if not file.is_file():
        return {}
    if others_may(file):
        raise UsageError(
            f"{file} holds keys and others have rights to it, so it is not read.",
            hint=f"Run `chmod 600 '{file}'`; if somebody may have read a key there, get a new one.",
        )
    return _lines(file)


def _lines(file: Path) -> dict[str, str]:
    """NAME -> value of the `NAME=value` lines; other lines are not ours."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", hint="Check its rights.") from None
    found = {}
    for line in text.split("\n"):
        if (match := LINE.match(line)) and match[1] in NAMES:
            quoted = re.fullmatch(r"(['\"])(.*?)\1(?:\s+#.*)?", match[2])
            found[match[1]] = quoted[2] if quoted else re.split(r"\s#", match[2])[0].strip()
            remember(found[match[1]])
    return found


def _write(keys: dict[str, str]) -> None:
    write_private(keys_file(), "".join(f"{name}={value}\n" for name, value in keys.items()))

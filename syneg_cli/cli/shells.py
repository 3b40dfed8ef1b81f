"""A shell that asks for completions is never shown an error, and bash gets words back as it cut them."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

from syneg_cli.core import visible

VARIABLE = "_SYNEG_COMPLETE"
BREAKS = ":="
"""Where bash cuts a word in two (COMP_WORDBREAKS)."""

SPECIAL = re.compile(r"""[\s'"\\$`&|;<>()*?\[\]{}!#~]""")
"""What bash does not read as it is written."""


def asks() -> bool:
    """Whether a shell's completion function called this process."""
    return os.environ.get(VARIABLE, "").startswith("complete")


def answer(ask: Callable[[], object]) -> int:
    """Print what `ask` prints; nothing where it fails, so that the shell falls back to files."""
    shown, code, cut = io.StringIO(), 0, ""
    try:
        with redirect_stdout(shown), redirect_stderr(io.StringIO()):
            if os.environ[VARIABLE] == "complete_bash":
                cut = _joined()
            ask()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    except Exception:  # there is nobody to tell
        return 1
    offered = shown.getvalue().rstrip("\n").split("\n")
    found = [word for word in offered if word == visible(word)]  # no escape sequences
    if os.environ[VARIABLE] == "complete_bash":
        found = _for_bash(found, cut)
    print("\n".join(found))
    return code


def _joined() -> str:
    """Undo bash's cuts at `:` and `=` in COMP_WORDS, up to the cursor.

    Returns:
        The beginning of the word at the cursor that bash keeps, whatever is offered.
    """
    given = os.environ["COMP_WORDS"]
    words = given.split("\n" if "\n" in given else " ")
    at = int(os.environ["COMP_CWORD"])
    words += [""] * (at + 1 - len(words))
    whole: list[str] = []
    start, open_ = 0, False
    for word in words[: at + 1]:
        breaks = bool(word) and not word.strip(BREAKS)
        if whole and word and (breaks or open_):
            start = len(whole[-1]) + (len(word) if breaks else 0)
            whole[-1] += word
        else:
            start = 0
            whole.append(word)
        open_ = breaks
    os.environ |= {"COMP_WORDS": "\n".join(whole), "COMP_CWORD": str(len(whole) - 1)}
    return whole[-1][:start]


def _for_bash(found: list[str], cut: str) -> list[str]:
    """Without the beginning that bash keeps; a second word keeps it from closing an open one (`openai:`)."""
    typed = os.environ["COMP_WORDS"].rpartition("\n")[2]
    open_ = tuple(f"{BREAKS}/")
    kept = [word for word in found if not SPECIAL.search(word) and (word != typed or word[-1:] not in open_)]
    kept = [word.removeprefix(cut) for word in kept]
    return [*kept, f"{kept[0]}..."] if len(kept) == 1 and kept[0].endswith(open_) else kept

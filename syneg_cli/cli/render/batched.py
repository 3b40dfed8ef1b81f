"""What the commands show that ask in batches: handed in to OpenAI or fetched, written to a file or read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syneg_cli.core import counted, near
from syneg_cli.llm import DONE, Came, Collected, Written


def handed_in(made: tuple[str, int] | None) -> tuple[dict[str, Any], str]:
    if made is None:
        return {"batch": None, "requests": 0}, "Nothing to hand in."
    later = "Fetch it with `--batch collect`; it takes up to 24 hours."
    told = f"batch {made[0]}: {counted(made[1], 'request')} handed in. {later}"
    return {"batch": made[0], "requests": made[1]}, told


def fetched(found: Collected, nothing: str = "") -> tuple[dict[str, Any], str]:
    """Args: nothing: why there is nothing to ask about any more, where that is so."""
    waiting = [f"{batch} ({state})" for batch, state in found.states.items() if state not in DONE]
    told = f"{counted(found.answered, 'answer')} fetched, {found.failed} failed"
    if not found.states:
        told = f"No batch is open, so there is nothing to fetch. {nothing or _left(found.left)}"
    elif waiting:
        told += f"; waiting for {', '.join(waiting)}"
    elif found.left:
        told += f". {_left(found.left)}"
    if nothing and found.states:
        told += f"\n{nothing}"
    if found.bad:
        lines = counted(len(found.bad), "line")
        told += f"\npassed over, because not readable: {lines}, such as {found.bad[0]}"
    data = {"fetched": found.answered, "failed": found.failed, "waiting": waiting, "bad": list(found.bad)}
    return data | {"left": found.left}, told


def _left(count: int) -> str:
    if not count:
        return "Everything has its answer."
    has, them, they = ("has", "it", "it is") if count == 1 else ("have", "them", "they are")
    lacking = f"{counted(count, 'request')} {has} no answer"
    return f"{lacking}: `--batch submit` hands {them} in, without --batch {they} asked at once."


def written(made: Written, path: Path) -> tuple[dict[str, Any], str]:
    """Args: path: the file, which is there if it holds a request."""
    data = {"path": str(path) if made.requests else None, "requests": made.requests, "bytes": made.size}
    data |= {"answered": made.answered, "elsewhere": made.elsewhere, "over_cap": made.over}
    told = [f"{counted(made.requests, 'request')} -> {near(path)} ({made.size / 1e6:.1f} MB)"]
    if not made.requests:
        told = ["Nothing to write: everything has its answer or is being asked."]
    told += [f"{counted(made.answered, 'request')} answered already"] if made.answered else []
    told += [f"{counted(made.elsewhere, 'request')} in a batch, or being asked"] if made.elsewhere else []
    told += [f"{counted(made.over, 'request')} left out. {made.cap}"] if made.over else []
    if made.too_large:
        told.append("OpenAI takes 50 000 requests and 200 MB in a file: `split -l 50000` cuts it.")
    if made.requests:
        told.append(
            "Send it, then give the same command what comes of it: --batch-read instead of --batch-write.\n"
            "Nothing is reserved: until then a live run asks for all of it, too."
        )
    return data, "\n".join(told)


def came(found: Came) -> tuple[dict[str, Any], str]:
    told = f"{counted(found.answers, 'answer')} read, {found.failed} failed"
    others = {
        "there already": found.again,
        "to what is not asked here": found.unknown,
        "not readable": found.bad,
    }
    told += "".join(f", {count} {what}" for what, count in others.items() if count)
    told += "." if found.left or not found.named else ". Everything has its answer."
    if found.left:
        has, it = ("has", "it") if found.left == 1 else ("have", "them")
        told += f" {counted(found.left, 'request')} {has} no answer: `--batch-write` writes {it} again, "
        told += f"a live run asks for {it} at once."
    told = "\n".join([told, *(f"  {one}" for one in found.named)])
    data = {"read": found.answers, "again": found.again, "failed": found.failed, "unknown": found.unknown}
    return data | {"bad": found.bad, "left": found.left, "named": list(found.named)}, told

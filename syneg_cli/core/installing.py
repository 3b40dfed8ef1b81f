"""The command that adds a package to the environment that syneg runs in, which `pip` may not be that of."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def install(*packages: str) -> str:
    """`pip install 'syneg[lora]'`, as what made this environment says it: pip, pipx, uv, `uv tool` or uvx."""
    prefix, wanted = Path(sys.prefix), " ".join(map(shlex.quote, packages))
    parts = [part.lower() for part in prefix.parts]
    if "pipx" in parts:
        return f"pipx runpip {prefix.name} install {wanted}"
    if "uv" in parts and "tools" in parts:
        return f"uv pip install --python {shlex.quote(str(prefix))} {wanted}"
    if "uv" in parts:  # uvx: an environment in uv's cache, made anew with the tools that are named
        return f"uvx {' '.join(f'--with {shlex.quote(one)}' for one in packages)} syneg"
    return f"{'uv ' if _made_by_uv(prefix) else ''}pip install {wanted}"


def _made_by_uv(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    return any(line.partition("=")[0].strip() == "uv" for line in lines)

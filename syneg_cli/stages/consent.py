"""What a project file may not decide alone, because a project may be a stranger's.

A model's own code runs, and texts and a key leave for a server that is neither the provider's own nor in
one's own network, only if the user says so: by a flag, a variable, or once, at the terminal.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from syneg_cli.core import UsageError, write_private
from syneg_cli.llm import public_url, split_spec
from syneg_cli.stages.project import ENDPOINTS
from syneg_cli.stages.session import Session

OFFICIAL = ("api.openai.com", "ollama.com")
LOCAL = re.compile(r"[a-z][a-z0-9_-]*|.*\.(?:localhost|local|internal|lan|home\.arpa)")
"""Names that only one's own network resolves."""


def may_run_code(session: Session) -> bool:
    """Whether the code that comes with a model may run.

    Raises:
        UsageError: the project file alone says so.
    """
    key = "mine.trust_remote_code"
    wanted = session.project.mine.trust_remote_code
    if wanted and not session.resolved.by_user(key):
        raise UsageError(
            f"trust_remote_code in {session.resolved.origins.get(key)} alone runs no code of a model: "
            "the project may be a stranger's.",
            hint="Read that code first; then pass --trust-remote-code, "
            "or set SYNEG_MINE_TRUST_REMOTE_CODE=1.",
        )
    return wanted


def check_server(session: Session, spec: str, key: str = "generate.base_url") -> None:
    """Before texts and a key go to a server.

    Args:
        spec: PROVIDER:MODEL.
        key: the setting that names the server.

    A host that the user names by flag or variable is known from then on, like one that is agreed to.

    Raises:
        UsageError: a project file, or what an earlier run left, names one that nobody has agreed to.
    """
    provider, _ = split_spec(spec)
    if provider not in ENDPOINTS:
        return
    section, _, leaf = key.partition(".")
    named = getattr(getattr(session.project, section), leaf)
    url = named or os.environ.get(ENDPOINTS[provider])
    host = _host(url) if url else None
    if url is None or host is None or is_near(host) or host in OFFICIAL or host in known_hosts():
        return
    if named is None or session.resolved.by_user(key):
        _know(host)
        return
    where = session.resolved.origins.get(key, "the last run of this project")
    if session.confirm(
        f"{where} names the server {public_url(url)}. Your texts, and your key if there is one, go there. "
        f"Do you know {host}?"
    ):
        _know(host)
        return
    raise UsageError(
        f"{where} sends your texts, and your key if there is one, to {host}, and nobody agreed to that yet.",
        hint=f"If you know that server, pass --base-url {public_url(url)} once, or set "
        f"{ENDPOINTS[provider]}.",
    )


def is_near(host: str) -> bool:
    """Whether a host is this machine or in one's own network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return LOCAL.fullmatch(host) is not None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_private


def hosts_file() -> Path:
    """Where the hosts are kept that the user agreed to."""
    from platformdirs import user_config_path

    return user_config_path("syneg") / "hosts"


def known_hosts() -> list[str]:
    try:
        return hosts_file().read_text(encoding="utf-8").split()
    except OSError:
        return []


def _know(host: str) -> None:
    try:
        write_private(hosts_file(), "".join(f"{known}\n" for known in sorted({*known_hosts(), host})))
    except OSError:  # a home that cannot be written: it is asked again next time
        return


def _host(url: str) -> str | None:
    """In lower case; None where it is no address, which opening it says better."""
    try:
        return urlsplit(url if "://" in url else f"http://{url}").hostname
    except ValueError:
        return None

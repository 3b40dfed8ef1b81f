"""The proxies that the environment names, spoken of without their passwords."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

ANY = "all"


@dataclass(frozen=True, slots=True)
class Proxy:
    """`url` is without user name and password; `variable` is where it is set, as people know it."""

    url: str
    variable: str

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})"

    @property
    def remedy(self) -> str:
        """What to do where it does not work."""
        return f"Correct or unset {self.variable}, or name the server's host in NO_PROXY."


def proxy_of(url: str) -> Proxy | None:
    """The proxy through which programs reach a server; None where NO_PROXY names its host."""
    from urllib.request import proxy_bypass

    return None if proxy_bypass(urlsplit(url).netloc.rpartition("@")[2]) else proxy_for(url)


def proxy_for(url: str) -> Proxy | None:
    """The proxy for a server's kind of address, whatever NO_PROXY says."""
    return next((proxy for kind, proxy in all_proxies() if kind in (urlsplit(url).scheme, ANY)), None)


def all_proxies() -> Iterator[tuple[str, Proxy]]:
    """(kind of address: http, https or all; proxy), those for any kind of address last."""
    from urllib.request import getproxies

    found = getproxies()
    for kind in ("http", "https", ANY):
        if address := found.get(kind):
            yield kind, Proxy(_public(address), _variable(kind))


def _variable(kind: str) -> str:
    """Both ways of writing are read, the lower-case one first."""
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "the system's settings")


def _public(address: str) -> str:
    scheme, _, rest = address.rpartition("://")
    return f"{scheme or 'http'}://{rest.rpartition('@')[2].partition('/')[0]}"

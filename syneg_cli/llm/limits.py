"""What an engine may do: how many calls at once, how fast, how long, for how much."""

from __future__ import annotations

from dataclasses import dataclass, fields

from syneg_cli.llm.settings import CallSettings


@dataclass(frozen=True)
class Limits:
    """How the engine may call. Times are in seconds, `max_cost` in US dollars."""

    concurrency: int = 8
    rpm: int | None = None
    tpm: int | None = None
    timeout: float = 120.0
    attempts: int = 8
    backoff: float = 0.5
    longest_backoff: float = 30.0
    max_cost: float | None = None
    max_calls: int | None = None
    beside: tuple[str, ...] = ()
    """Other jobs that these two hold for, together with the engine's own."""
    max_wait: float = 300.0
    """The longest pause that is granted to a server that asks for one."""
    failures_in_a_row: int = 8
    """Requests (not attempts) that fail one after the other before the run stops."""

    @classmethod
    def of(cls, settings: CallSettings) -> Limits:
        names = {f.name for f in fields(cls)} & set(type(settings).model_fields)
        return cls(**settings.model_dump(include=names))


NO_LIMITS = Limits()

"""The cache's tables, as named migrations: each runs once, in one transaction.

A migration that was released is never edited; a change is a new one at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils.migrations import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATIONS = Migrations("syneg")


@MIGRATIONS()
def m001_answers(db: Database) -> None:
    db["answers"].create(
        {
            "id": int,
            "key": str,
            "status": str,
            "provider": str,
            "model": str,
            "endpoint": str,
            "prompt": str,
            "query_id": str,
            "doc_id": str,
            "response": str,
            "messages": str,
            "options": str,
            "max_tokens": int,
            "attributes": str,
            "n": int,
            "words": int,
            "finish_reason": str,
            "prompt_tokens": int,
            "completion_tokens": int,
            "cost_usd": float,
            "seconds": float,
            "created": str,
        },
        pk="id",
        not_null={"key", "status", "response"},
    )
    db["answers"].create_index(["key"])


@MIGRATIONS()
def m002_claims_and_jobs(db: Database) -> None:
    db["claims"].create(
        {"key": str, "owner": str, "until": float, "job": str, "reserved": float}, pk="key"
    )
    numbers = ("calls", "prompt_tokens", "completion_tokens", "unpriced_calls")
    db["jobs"].create(
        {"job": str, **dict.fromkeys(numbers, int), "spent_usd": float, "lost_usd": float},
        pk="job",
        defaults={**dict.fromkeys(numbers, 0), "spent_usd": 0.0, "lost_usd": 0.0},
        not_null={*numbers, "spent_usd", "lost_usd"},
    )


@MIGRATIONS()
def m003_number_of_the_negative(db: Database) -> None:
    db["answers"].add_column("number", int)

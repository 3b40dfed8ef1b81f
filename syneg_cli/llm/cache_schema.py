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
    db.table("answers").create(
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
    db.table("answers").create_index(["key"])


@MIGRATIONS()
def m002_claims_and_jobs(db: Database) -> None:
    # WITHOUT ROWID: one page to write where a rowid table and its index are two; both change at every call.
    db.execute(
        "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until FLOAT NOT NULL, "
        "job TEXT NOT NULL, reserved FLOAT NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE jobs (job TEXT PRIMARY KEY, calls INTEGER NOT NULL DEFAULT 0, "
        "prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0, "
        "unpriced_calls INTEGER NOT NULL DEFAULT 0, spent_usd FLOAT NOT NULL DEFAULT 0, "
        "lost_usd FLOAT NOT NULL DEFAULT 0) WITHOUT ROWID"
    )


@MIGRATIONS()
def m003_number_of_the_negative(db: Database) -> None:
    db.table("answers").add_column("number", int)


@MIGRATIONS()
def m004_batches(db: Database) -> None:
    db.table("batches").create(
        {"id": str, "job": str, "state": str, "reserved": float, "created": float, "keys": str}, pk="id"
    )


@MIGRATIONS()
def m005_batches_hold_claims(db: Database) -> None:
    db.execute("ALTER TABLE batches ADD COLUMN token TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE batches ADD COLUMN made_by TEXT NOT NULL DEFAULT ''")
    db.execute("UPDATE batches SET token = id")
    done = "('completed', 'expired', 'cancelled', 'failed')"
    db.execute(
        "INSERT OR IGNORE INTO claims (key, owner, until, job, reserved) "
        "SELECT each.value, 'batch:' || batches.id, batches.created + 2592000, batches.job, "
        "batches.reserved / json_array_length(batches.keys) FROM batches, json_each(batches.keys) AS each "
        f"WHERE batches.state NOT IN {done}"
    )

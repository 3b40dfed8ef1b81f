"""`syneg queries --batch`: what is handed in, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Cli
from tests.queries.written import GOOD, base, rewording, writer
from tests.servers.batches import BatchServer


def test_batches(cli: Cli, tiny: Path) -> None:
    server = BatchServer(writer)
    with server:
        handed = cli(*base(server, tiny, "--batch", "submit", "--json"))
        assert handed.json == {"batch": "batch-1", "requests": 3}, handed.err
        server.ready = True
        collected = cli(*base(server, tiny, "--batch", "collect", "--json"))
        assert collected.code == 0, collected.err
        assert (collected.json["queries"], collected.json["calls"]) == (3, 0)
        assert server.requests == []


def test_a_batch_of_documents_that_want_no_queries_by_now_is_kept(cli: Cli, tiny: Path) -> None:
    """All of them were judged in between: what is paid for is fetched, and that is no error."""
    server = BatchServer(writer)
    with server:
        assert cli(*base(server, tiny, "--batch", "submit")).code == 0
        server.ready = True
        with (tiny / "qrels" / "train.tsv").open("a") as file:
            file.writelines(f"q1\t{doc_id}\t1\n" for doc_id in GOOD)
        fetched = cli(*base(server, tiny, "--batch", "collect"))
        assert fetched.code == 0, fetched.err
        assert "3 answers fetched, 0 failed\nNo document of tiny is in want of queries" in fetched.out
        none = cli(*base(server, tiny, "--batch", "collect"))
        assert none.code == 0
        assert "No batch is open" in none.out
        assert "No document of tiny is in want of queries: 6 judged already" in none.out


def test_a_batch_is_not_handed_in_for_the_place_of_another_result(cli: Cli, tiny: Path) -> None:
    """`default.rewrites` is where rewordings are: it is refused before anything is paid for, not after."""
    server = BatchServer(writer)
    with server:
        server.respond = rewording
        assert cli(*base(server, tiny, "--rewrite")).code == 0
        refused = cli(*base(server, tiny, "--name", "default.rewrites", "--batch", "submit"))
        assert refused.code == 2
        assert "which queries does not replace" in refused.err
        assert not server.batches

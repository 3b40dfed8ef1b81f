"""`syneg queries --batch`: what is handed in, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import DOCS, Cli
from tests.queries.written import GOOD, base, rewording, writer
from tests.servers import Body, Reply, prompt_of
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


def test_collecting_asks_no_judge(cli: Cli, tiny: Path) -> None:
    """The judge has no batch: it is asked by the same command without --batch, and what came is kept for it."""

    def both(body: Body, number: int) -> Reply:
        if "relevant" in str(body.get("response_format")):
            title = next(title for title, _ in DOCS.values() if title in prompt_of(body))
            return Reply(text=json.dumps({"evidence": [title], "relevant": True}))
        return writer(body, number)

    server = BatchServer(both)
    with server:
        judged = ("--check", "judge", "--json")
        assert cli(*base(server, tiny, *judged, "--batch", "submit")).json["requests"] == 3
        server.ready = True
        early = cli(*base(server, tiny, *judged, "--batch", "collect"))
        assert early.code == 0, early.err
        assert server.requests == []
        assert (early.json["written"], early.json["later"], early.json["complete"]) == (False, 3, False)
        assert "the judge is asked without --batch" in early.err
        live = cli(*base(server, tiny, *judged))
        assert len(server.requests) == 3, live.err
        assert live.json["from_cache"] == 3

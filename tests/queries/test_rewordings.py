"""`syneg queries --rewrite`, and what uses both files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from syneg_cli.core import read_synthetic_queries
from tests.conftest import Cli, write_dataset
from tests.queries.written import WORK, base, kept, rewording, writer
from tests.servers import ChatServer, Reply, prompt_of


def test_rewordings_of_train_queries(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = rewording
    result = cli(*base(server, tiny, "--rewrite", "--json"))
    assert result.code == 0, result.err
    assert (result.json["asked"], result.json["negated"]) == (3, False)
    dropped: Any = result.json["dropped"]
    assert dropped["of a kind not asked for"] == 3
    records = [one for one in read_synthetic_queries(WORK / "default.rewrites.jsonl") if one.status == "ok"]
    assert {one.rewrites for one in records} <= {"q1", "q2", "q4"}, "never one of test"
    first = records[0]
    assert (first.id, first.doc_id, first.attributes) == ("rewrite/q1/1", "d1", {"kind": "paraphrase"})
    assert '"negation"' not in prompt_of(server.requests[0]).partition("Answer with")[0]
    negated = cli(*base(server, tiny, "--rewrite", "--negate", "yes", "--json"))
    assert negated.json["negated"] is True
    assert "of a kind not asked for" not in negated.json["dropped"]  # type: ignore[operator]
    assert '"negation": the opposite' in prompt_of(server.requests[-1])


def test_scifact_is_known_for_counting_refutations(cli: Cli, tmp_path: Path, server: ChatServer) -> None:
    folder = write_dataset(tmp_path / "scifact")
    server.respond = rewording
    assert cli(*base(server, folder, "--rewrite", "--json")).json["negated"] is True
    own = cli(*base(server, folder, "--rewrite", "--set", "dataset.relevance=Any evidence.", "--json"))
    assert own.json["negated"] is False, "of a definition of one's own nobody knows it"
    shown = cli(*base(server, folder, "--rewrite", "--force"))
    assert "Opposites are written too" in shown.out


def test_both_files_are_used_in_training(cli: Cli, tiny: Path, server: ChatServer) -> None:
    assert cli(*base(server, tiny)).code == 0
    server.respond = rewording
    assert cli(*base(server, tiny, "--rewrite")).code == 0
    used = cli("mine", tiny, "--miner", "bm25", "--synthetic-queries", 0.5, "--json")
    assert used.code == 0, used.err
    miners: Any = used.json["miners"]
    queries = miners[0]["queries"]
    assert queries == 3 + len(kept()) + len(kept("default.rewrites"))


def test_written_queries_and_rewordings_take_no_place_of_one_another(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    server.respond = rewording
    assert cli(*base(server, tiny, "--rewrite")).code == 0
    paid = (WORK / "default.rewrites.jsonl").read_bytes()
    sent = len(server.requests)
    server.respond = writer
    other = cli(*base(server, tiny, "--name", "default.rewrites"))
    assert other.code == 2
    assert "is a result of queries --rewrite, which queries does not replace" in other.err
    assert "choose another name (--name NAME)" in other.err.replace("\n", " ")
    assert cli(*base(server, tiny, "--name", "default.rewrites", "--force")).code == 2
    assert len(server.requests) == sent, "nothing is asked for what could not be kept"
    assert (WORK / "default.rewrites.jsonl").read_bytes() == paid


def test_a_query_without_a_rewording_is_called_that(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = lambda body, number: (
        Reply(text='{"rewrites": []}') if number == 1 else rewording(body, number)
    )
    result = cli(*base(server, tiny, "--rewrite"))
    assert result.code == 0, result.err
    assert re.search(r"answers: without a rewording +│ +1", result.out)
    assert "nobody" not in result.out + result.err

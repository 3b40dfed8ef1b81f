"""`syneg queries` with a server: caps, stops, re-checks, batches, a judge."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import read_manifest, read_synthetic_queries
from tests.conftest import DOCS, Cli
from tests.queries.written import GOOD, WORK, asked_about, base, kept, rewording, writer
from tests.servers import Body, ChatServer, Reply, prompt_of
from tests.servers.batches import BatchServer


def test_a_folder_of_documents_alone_gets_queries_to_train_with(
    cli: Cli, tiny: Path, tmp_path: Path, server: ChatServer
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "corpus.jsonl").write_bytes((tiny / "corpus.jsonl").read_bytes())
    server.respond = lambda body, number: Reply(
        text=json.dumps({"queries": [DOCS[asked_about(body)][1].split(" ", 1)[1][:20]]})
    )
    result = cli(*base(server, bare, "--max-copied", "off", "--json"))
    assert result.code == 0, result.err
    assert (result.json["asked"], result.json["queries"]) == (6, 6)
    forms = {re.findall(r"Form: (.*?)\. Where", prompt_of(body))[0] for body in server.requests}
    assert forms <= {
        "a question",
        "a few keywords, as typed into a search box",
        "a statement that is to be checked",
    }
    assert "[Example Queries]" not in "".join(map(prompt_of, server.requests))
    mined = cli("mine", bare, "--miner", "bm25", "--json")
    assert mined.code == 0, mined.err


def test_a_changed_check_asks_nothing(cli: Cli, tiny: Path, server: ChatServer) -> None:
    first = cli(*base(server, tiny, "--json"))
    assert (first.json["queries"], len(server.requests)) == (3, 3)
    harder = cli(*base(server, tiny, "--max-words", 7, "--json"))
    assert harder.code == 0, harder.err
    assert harder.json["reason"] == "max_words changed: 60 -> 7"
    assert (harder.json["queries"], harder.json["dropped"]) == (2, {"too long": 1})
    assert (harder.json["calls"], harder.json["from_cache"], len(server.requests)) == (0, 3, 3)
    assert cli(*base(server, tiny, "--json")).json["queries"] == 3


def test_at_a_cap_the_part_is_written_and_the_rest_comes_later(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    stopped = cli(*base(server, tiny, "--max-calls", 2))
    assert stopped.code == 1
    assert "--max-calls 2 is reached. The queries of 2 of 3 documents are written" in stopped.err
    assert len(kept()) == 2
    done = cli(*base(server, tiny, "--json"))
    assert (done.json["reason"], done.json["calls"]) == ("unanswered changed: 1 -> 0", 1)
    assert len(kept()) == 3
    manifest = read_manifest(WORK / "default.jsonl")
    assert manifest is not None
    assert manifest.counts["total"]["calls"] == 3


def test_an_interrupted_run_goes_on(cli: Cli, tiny: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
            return Reply(status=500, delay=1)
        return writer(body, number)

    server.respond = respond
    stopped = cli(*base(server, tiny, "--concurrency", 1))
    assert stopped.code == 130
    assert "queries: the answers that came are stored" in stopped.err
    assert not WORK.exists() or not list(WORK.glob("*.jsonl"))
    server.respond = writer
    assert cli(*base(server, tiny, "--json")).json["from_cache"] == 1


def test_nothing_usable_is_a_failure_with_its_cause(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = lambda body, number: Reply(text="I would rather not.")
    result = cli(*base(server, tiny, "--set", "generate.corrections=0"))
    assert result.code == 1
    assert "0 of 3 documents got a usable query: 3 answers unparsable" in result.err
    assert not list(WORK.glob("*.jsonl"))
    server.respond = writer
    assert cli(*base(server, tiny, "--set", "generate.corrections=0", "--retry-bad")).code == 0
    assert len(kept()) == 3


def test_documents_for_nobody_are_no_failure_of_the_model(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = lambda body, number: (
        Reply(text='{"queries": []}') if asked_about(body) == "d4" else writer(body, number)
    )
    result = cli(*base(server, tiny))
    assert result.code == 0, result.err
    assert re.search(r"answers: nobody would look for it +│ +1", result.out)
    assert "warning" not in result.err
    server.respond = lambda body, number: Reply(text='{"queries": []}')
    none = cli(*base(server, tiny, "--name", "none", "--n", 3))
    assert none.code == 1
    assert "3 answers nobody would look for it" in none.err


def test_a_part_takes_no_place_of_more(cli: Cli, tiny: Path, server: ChatServer) -> None:
    assert cli(*base(server, tiny)).code == 0
    server.respond = lambda body, number: Reply(status=400, error="no")
    less = cli(*base(server, tiny, "--n", 3))
    assert less.code == 1
    assert "keeps what an earlier run wrote" in less.err
    assert len(kept()) == 3


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


def test_an_estimate_sends_nothing(cli: Cli, tiny: Path, server: ChatServer) -> None:
    Path("syneg.toml").write_text("[generate]\nprice = [1, 2]\n")
    found = cli(*base(server, tiny, "--estimate", "--json"))
    assert (found.json["asked"], found.json["calls"], found.json["cached"]) == (3, 3, 0), found.err
    assert server.requests == []
    assert cli(*base(server, tiny)).code == 0
    assert cli(*base(server, tiny, "--estimate", "--json")).json["cached"] == 3
    assert re.search(r"documents +│ +3", cli(*base(server, tiny, "--estimate")).out)


def test_a_judge_decides_and_finds_more(cli: Cli, tiny: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        text = prompt_of(body)
        if "You judge" not in text:
            return writer(body, number)
        document = text.partition("<document>\n")[2].partition("\n</document>")[0].splitlines()[1]
        relevant = GOOD["d6"] in text  # whatever the document is
        return Reply(text=json.dumps({"relevant": relevant, "evidence": document if relevant else ""}))

    server.respond = respond
    found = cli(*base(server, tiny, "--check", "judge", "--judge-pool", 2, "--json"))
    assert found.code == 0, found.err
    assert found.json["dropped"] == {"its document is not relevant, says the judge": 2}
    assert found.json["calls"] == 3
    judge: Any = found.json["judge"]
    assert judge["calls"] == len(server.requests) - 3
    (one,) = [one for one in read_synthetic_queries(WORK / "default.jsonl") if one.status == "ok"]
    assert one.doc_id == "d6"
    assert len(one.also_relevant) == found.json["also_relevant"] == 1
    asked = len(server.requests)
    again = cli(*base(server, tiny, "--check", "judge", "--judge-pool", 2, "--force"))
    assert again.code == 0
    assert "nothing was asked, nothing was paid" in again.out
    assert len(server.requests) == asked, "verdicts are stored as well"


def test_what_only_the_judge_was_asked_is_counted_and_not_called_free(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """The answers are all stored, and each query is judged for money nevertheless."""

    def respond(body: Body, number: int) -> Reply:
        if "You judge" not in prompt_of(body):
            return writer(body, number)
        document = prompt_of(body).partition("<document>\n")[2].partition("\n</document>")[0].splitlines()[1]
        return Reply(text=json.dumps({"relevant": True, "evidence": document}))

    server.respond = respond
    priced = ("--set", "generate.price=[10, 10]")
    first = cli(*base(server, tiny, *priced, "--json"))
    judged = cli(*base(server, tiny, *priced, "--check", "judge"))
    assert judged.code == 0, judged.err
    assert "nothing was paid" not in judged.out
    rows = [line.replace("│", " ").split() for line in judged.out.splitlines()]
    assert ["calls", "3"] in rows
    assert ["of", "them", "the", "judge's", "3"] in rows
    assert ["tokens", "in", "/", "out", "300", "/", "150"] in rows
    cost: Any = first.json["cost_usd"]
    assert cost == pytest.approx(0.0045)
    assert ["cost", "$0.0045"] in rows
    assert ["cost", "of", "all", "runs", "so", "far", "$0.0090"] in rows


def test_a_cap_that_the_judge_reaches(cli: Cli, tiny: Path, server: ChatServer) -> None:
    """The caps are of both: what was written and judged is stored, and nothing is asked twice."""

    def respond(body: Body, number: int) -> Reply:
        judges = "You judge" in prompt_of(body)
        return Reply(text='{"relevant": false, "evidence": ""}') if judges else writer(body, number)

    server.respond = respond
    capped = cli(*base(server, tiny, "--check", "judge", "--max-calls", 4))
    assert capped.code == 1
    assert "--max-calls 4 is reached" in capped.err
    assert not list(WORK.glob("*.jsonl"))
    whole = cli(*base(server, tiny, "--check", "judge"))
    assert whole.code == 1, "the judge finds none of them relevant"
    assert "3 queries dropped: its document is not relevant, says the judge" in whole.err
    assert len(server.requests) == 6


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(cli: Cli, tiny: Path, server: ChatServer) -> None:
    command = [sys.executable, "-m", "syneg_cli", *map(str, base(server, tiny, "--concurrency", 1))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def respond(body: Body, number: int) -> Reply:
            if number == 3:
                process.kill()
                return Reply(hang=True)
            return writer(body, number)

        server.respond = respond
    assert process.returncode == -signal.SIGKILL
    assert not list(WORK.glob("*.jsonl"))
    server.respond = writer
    done = cli(*base(server, tiny, "--json"))
    assert done.code == 0, done.err
    assert (done.json["queries"], done.json["from_cache"], done.json["calls"]) == (3, 2, 1)
    assert set(server.answered.values()) == {1}


def test_no_document_in_want_of_queries_is_said(cli: Cli, tiny: Path, server: ChatServer) -> None:
    none = cli(*base(server, tiny, "--min-words", 50))
    assert none.code == 2
    assert "No document of tiny is in want of queries: 3 judged already, 3 too short" in none.err
    assert "--judged writes" in none.err
    assert "--min-words 1 writes" in none.err
    qrels = tiny / "qrels" / "train.tsv"
    qrels.unlink()
    nothing = cli(*base(server, tiny, "--rewrite"))
    assert nothing.code == 2
    assert "tiny has no training query to reword" in nothing.err
    assert server.requests == []


def test_the_next_command_is_named_as_this_one_was_given(cli: Cli, tiny: Path, server: ChatServer) -> None:
    """Real queries are there, so written ones count only where it is said; and a name is to be repeated."""
    first = cli(*base(server, tiny, "--name", "own"))
    assert first.code == 0, first.err
    assert "They count nothing yet" in first.out
    (said,) = re.findall(r"Run `syneg (run .*)`\.", first.err)
    assert said == (
        f"run {tiny} --llm openai:m --base-url {server.openai_url} --set queries.name=own --synthetic-queries 0.5"
    )
    assert "3 LLM-written queries in train" in cli("status", *said.split()[1:]).err
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\n[queries]\nweight = 1\n'
        f'[generate]\nllm = "openai:m"\nbase_url = "{server.openai_url}"\n'
    )
    assert "Run `syneg run`." in cli("queries").err


def test_negatives_of_written_queries_that_do_not_count_say_how_they_do(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """Whoever leaves out `--synthetic-queries` at the next step is told so, and not to replace the result."""
    assert cli(*base(server, tiny)).code == 0
    beside = ("--synthetic-queries", "0.5")
    assert cli("mine", tiny, "--miner", "bm25", *beside).code == 0
    mix = ("mix", tiny, "--strategy", "retrieved", "--miner", "bm25")
    assert cli(*mix, *beside).code == 0
    for command in (
        ("verify", tiny, "--check", "judge", "--llm", "openai:m"),
        ("export", tiny, "--output", "x", "--mixed", "retrieved"),
    ):
        without = cli(*command)
        assert without.code == 2
        assert "tiny has no query 'synthetic/d4/1'" in without.err
        assert "`--set queries.weight=0.5`" in without.err
    read = cli("export", tiny, "--output", "x", "--mixed", "retrieved", "--set", "queries.weight=0.5")
    assert read.code == 0, read.err


def test_a_judge_that_gives_no_grade_is_told_what_was_asked_for(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    server.respond = lambda body, number: Reply(
        text='{"relevant": "perhaps", "evidence": ""}'
        if "You judge" in prompt_of(body)
        else writer(body, number).text
    )
    judge = ("--llm", "openai:m", "--base-url", server.openai_url)
    assert cli("mine", tiny, "--miner", "random").code == 0
    for prompt, said in (("judge-graded", "no grade from 0 to 3"), ("judge", "neither yes nor no")):
        result = cli("verify", tiny, "--check", "judge", "--judge-prompt", prompt, *judge)
        assert result.code == 1
        assert said in result.err

"""`syneg queries` with a server: caps, stops, re-checks, shards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.core import read_manifest
from tests.conftest import DOCS, Cli
from tests.queries.written import WORK, asked_about, base, kept, rewording, writer
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of
from tests.terminal import in_terminal


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


def test_the_live_view_shows_a_query_and_its_document(tiny: Path, server: ChatServer) -> None:
    shown = in_terminal(*base(server, tiny))
    assert shown.code == 0, shown.text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.written)
    assert any(f"document {title}" in plain for title, _ in DOCS.values())
    assert "negative " not in plain


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        (None, "--check cross-encoder needs a model"),
        ("./nowhere", "'./nowhere' is no cross-encoder: it is neither a folder nor a hub id"),
        ("ENCODER", "is an encoder, and no cross-encoder"),
    ],
)
def test_what_cannot_check_is_said_before_a_call_is_paid_for(
    cli: Cli, tiny: Path, tiny_model: Path, server: ChatServer, scorer: str | None, told: str
) -> None:
    name = str(tiny_model) if scorer == "ENCODER" else scorer
    named = ("--set", f"verify.cross_encoder={name}") if name else ()
    result = cli(*base(server, tiny, "--check", "cross-encoder", *named))
    assert result.code == 2
    assert told in " ".join(result.err.split())
    assert server.requests == []


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
    assert "dropped" not in result.err
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


def test_an_estimate_sends_nothing(cli: Cli, tiny: Path, server: ChatServer) -> None:
    Path("syneg.toml").write_text("[generate]\nprice = [1, 2]\n")
    found = cli(*base(server, tiny, "--estimate", "--json"))
    assert (found.json["asked"], found.json["calls"], found.json["cached"]) == (3, 3, 0), found.err
    assert server.requests == []
    assert cli(*base(server, tiny)).code == 0
    assert cli(*base(server, tiny, "--estimate", "--json")).json["cached"] == 3
    assert re.search(r"documents +│ +3", cli(*base(server, tiny, "--estimate")).out)


def test_shards_of_documents_meet_in_one_cache(cli: Cli, tiny: Path, server: ChatServer) -> None:
    parts = []
    for part in (1, 2):
        made = cli(
            *base(server, tiny, "--shard", f"{part}/2", "--set", f"generate.cache={part}.db", "--json")
        )
        assert made.code == 0, made.err
        assert str(made.json["path"]).endswith(f"default.shard-{part}-of-2.jsonl")
        parts.append(made.json["asked"])
    assert sum(parts) == len(server.requests) == 3  # type: ignore[arg-type]
    assert 0 not in parts
    assert not (WORK / "default.jsonl").exists(), "a part is not what the pipeline reads"
    assert cli("cache", "merge", "1.db", "2.db", "--cache", "all.db").code == 0
    whole = cli(*base(server, tiny, "--set", "generate.cache=all.db", "--json"))
    assert (whole.json["queries"], whole.json["calls"]) == (3, 0), whole.err
    none = [cli(*base(server, tiny, "--shard", f"{part}/9")) for part in range(1, 10)]
    assert any("none of the 3 documents is in this part" in one.err for one in none)
    server.respond = rewording
    reworded = cli(*base(server, tiny, "--rewrite", "--shard", "1/2", "--json"))
    assert str(reworded.json["path"]).endswith("default.rewrites.shard-1-of-2.jsonl")


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
    told = " ".join(first.out.split())
    assert "They count nothing yet: `syneg eval --expansion 0.5 --expansion-from both` puts them into" in told
    assert "beside the judged ones of the other documents; for training" in told
    every = cli(*base(server, tiny, "--name", "every", "--judged"))
    assert "`syneg eval --expansion 0.5` puts them into the index; for training" in " ".join(
        every.out.split()
    )
    reworded = cli(*base(server, tiny, "--name", "own", "--rewrite"))
    assert "expansion" not in reworded.out, "an index takes no rewording"
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


def test_written_queries_that_are_asked_for_and_cannot_be_used_are_no_result(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """Before, training went on as if there were none: their documents are gone from the corpus."""
    assert cli(*base(server, tiny)).code == 0
    kept_documents = [line for line in (tiny / "corpus.jsonl").read_text().splitlines() if '"d1"' in line]
    rest = [f'{{"_id": "{d}", "title": "", "text": "some other text of {d}"}}' for d in ("d2", "d3", "d5")]
    (tiny / "corpus.jsonl").write_text("\n".join(kept_documents + rest).replace('"d5"', '"d9"') + "\n")
    (tiny / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq3\td9\t1\n")
    mine = ("mine", tiny, "--miner", "random")
    refused = cli(*mine, "--synthetic-queries", "0.5")
    assert refused.code == 2
    assert "None of 3 LLM-written queries 'default' can be used for tiny" in refused.err
    assert "3 of a document that is not in the corpus" in refused.err
    assert "Run `syneg queries" in refused.err
    assert cli(*mine).code == 0


def test_documents_alone_without_their_written_queries_are_nothing_to_train_with(
    cli: Cli, tiny: Path, tmp_path: Path, server: ChatServer
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "corpus.jsonl").write_bytes((tiny / "corpus.jsonl").read_bytes())
    texts = {doc_id: f"what is known of {title}" for doc_id, (title, _) in DOCS.items()}
    server.respond = lambda body, number: Reply(text=json.dumps({"queries": [texts[asked_about(body)]]}))
    assert cli(*base(server, bare, "--check", "none", "--near-copies", "off")).code == 0
    for command in (("mine", bare, "--miner", "random"), ("status", bare)):
        refused = cli(*command, "--synthetic-queries", "0")
        assert refused.code == 2
        assert "bare has no judged query, and those that an LLM wrote are left out" in refused.err
        assert "(--synthetic-queries 0, or weight in [queries])" in refused.err
        assert cli(*command).code == 0


def test_export_and_eval_take_the_weight_as_other_commands_do(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    assert cli(*base(server, tiny)).code == 0
    beside = ("--synthetic-queries", "0.5")
    assert cli("mine", tiny, "--miner", "bm25", *beside).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", *beside).code == 0
    made = cli("export", tiny, "--output", "x", "--mixed", "retrieved", *beside)
    assert made.code == 0, made.err
    assert cli("eval", tiny, *beside, "--show-config").code == 0


def test_a_cap_of_run_holds_for_queries_and_negatives_together(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """Three queries are written, and of the negatives as many are asked for as the cap leaves."""

    def respond(body: Body, number: int) -> Reply:
        return good_reply(body, number) if '"negatives"' in prompt_of(body) else writer(body, number)

    server.respond = respond
    run = ("run", tiny, "--llm", "openai:m", "--base-url", server.openai_url, "--synthetic-queries", 1)
    stopped = cli(*run, "--max-calls", 5)
    assert stopped.code == 1
    assert "--max-calls 5 is reached" in stopped.err
    assert len(server.requests) == 5
    assert len(kept()) == 3
    stopped = cli(*run, "--max-calls", 6)
    assert stopped.code == 1
    assert len(server.requests) == 6, "over all runs"

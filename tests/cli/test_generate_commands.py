"""`syneg generate` as it is used: replays, estimates, shards, mirrors, rewriting, batches, what is shown."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.cli.live import facts, view
from syneg_cli.core.artifacts import read_manifest
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_jsonl
from syneg_cli.core.records import MinedNegative
from syneg_cli.llm.statistics import Stats
from tests.conftest import Cli
from tests.fakes import good
from tests.servers import ChatServer, Reply, good_reply, negatives_text


def recording(path: Path, pairs: dict[str, str], **more: object) -> Path:
    lines = [
        {"query_id": q, "doc_id": d, "prompt": "syneg", "response": good(q), "words": 10, **more}
        for q, d in pairs.items()
    ]
    write_jsonl(path, lines)
    return path


@pytest.fixture(autouse=True)
def no_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNEG_DATASET_DEV_FRACTION", "0")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def test_replay_takes_attributes_over_and_counts_misses(cli: Cli, tiny: Path, tmp_path: Path) -> None:
    file = recording(
        tmp_path / "r.jsonl",
        {"q1": "d1", "q2": "d3"},
        attributes={"domain": "D", "difficulty": "E", "length": "L"},
    )
    result = cli("generate", tiny, "--llm", f"replay:{file}", "--json")
    assert result.code == 0, result.err
    assert (result.json["answered"], result.json["misses"], result.json["unanswered"]) == (2, 1, 0)
    rows = list(read_jsonl(Path(str(result.json["path"]))))
    assert [row["query_id"] for row in rows] == ["q1", "q1", "q2", "q2"]
    assert rows[0]["attributes"] == {"domain": "D", "difficulty": "E", "length": "L"}
    again = cli("generate", tiny, "--llm", f"replay:{file}")
    assert "up to date" in again.err
    forced = cli("generate", tiny, "--llm", f"replay:{file}", "--force")
    assert "Everything came from the cache" in forced.out
    recording(file, {"q1": "d1"})
    assert "recorded answers changed" in cli("generate", tiny, "--llm", f"replay:{file}").err


def test_answers_to_another_prompt_are_named_where_none_is_recorded_to_this_one(
    cli: Cli, tiny: Path, tmp_path: Path
) -> None:
    file = tmp_path / "r.jsonl"
    line = {"query_id": "q1", "doc_id": "d1", "prompt": "requirements", "response": good()}
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    refused = cli("generate", tiny, "--llm", f"replay:{file}")
    assert refused.code == 1
    said = " ".join(refused.err.split())
    assert "recorded are answers to requirements: name the prompt with --prompt" in said
    assert cli("generate", tiny, "--llm", f"replay:{file}", "--prompt", "requirements").code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{broken", "line 1: not JSON"),
        ('{"query_id": "q1"}', "line 1: doc_id, response missing"),
        ("", "is empty"),
    ],
)
def test_a_wrong_recording(cli: Cli, tiny: Path, tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "r.jsonl").write_text(content)
    result = cli("generate", tiny, "--llm", f"replay:{tmp_path / 'r.jsonl'}")
    assert result.code == 2
    assert says in result.err


def test_no_llm_is_one_clear_error(cli: Cli, tiny: Path) -> None:
    result = cli("generate", tiny)
    assert result.code == 2
    assert "no LLM is named" in result.err
    assert "--llm ollama:llama3" in result.err


def test_an_estimate_sends_nothing_and_learns_from_earlier_answers(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        base = ("generate", tiny, "--llm", "openai:gpt-4o-mini", "--base-url", server.openai_url)
        Path("syneg.toml").write_text("[generate]\nprice = [1, 2]\n")
        first = cli(*base, "--estimate", "--json")
        assert first.code == 0, first.err
        assert server.requests == []
        assert (first.json["calls"], first.json["cached"]) == (3, 0)
        cost: Any = first.json["cost"]
        assert 0 < cost[0] < cost[1] < cost[2]
        assert cli(*base).code == 0
        assert cli(*base, "--estimate", "--json").json["cached"] == 3
        Path("syneg.toml").unlink()
        assert "unpriced" in cli(*base, "--seed", "1", "--estimate").out


def test_a_cap_needs_a_price(cli: Cli, tiny: Path) -> None:
    result = cli(
        "generate", tiny, "--llm", "openai:own", "--base-url", "http://127.0.0.1:9/v1", "--max-cost", "1"
    )
    assert result.code == 2
    assert "nobody knows what openai:own costs" in result.err


def test_an_estimate_needs_no_key(cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has none yet wants to know what it would cost; the run itself says how to give one, and sends nothing."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    base = ("generate", tiny, "--llm", "openai:gpt-4o-mini")
    found = cli(*base, "--estimate", "--json")
    assert found.code == 0, found.err
    assert (found.json["calls"], found.json["earlier"]) == (3, 0)
    refused = cli(*base)
    assert refused.code == 1
    assert "needs a key" in refused.err
    assert "`syneg keys set OPENAI_API_KEY`" in refused.err
    batch = cli(*base, "--batch", "submit")
    assert batch.code == 1
    assert "needs a key" in batch.err
    assert cli(*base, "--estimate", "--json").json["calls"] == 3, "nothing is taken to be handed in"


def test_at_a_cap_the_answered_part_is_written_and_the_rest_comes_later(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        base = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
        stopped = cli(*base, "--max-calls", "2")
        assert stopped.code == 1
        assert "--max-calls 2 is reached. The negatives of 2 of 3 pairs are written" in stopped.err
        path = Path(".syneg/tiny/synthetic/default.jsonl")
        assert len(list(read_jsonl(path))) == 4
        done = cli(*base, "--json")
        assert done.json["reason"] == "unanswered changed: 1 -> 0"
        assert (done.json["from_cache"], done.json["calls"]) == (2, 1)
        manifest = read_manifest(path)
        assert manifest is not None
        assert manifest.counts["total"]["calls"] == 3, "totals persist over the runs"


def test_an_interrupted_run_says_what_is_kept(cli: Cli, tiny: Path) -> None:
    def respond(body: dict[str, Any], number: int) -> Reply:
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
            return Reply(status=500, delay=1)
        return good_reply(body, number)

    with ChatServer(respond) as server:
        base = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url, "--concurrency", 1)
        stopped = cli(*base)
        assert stopped.code == 130
        assert "the answers that came are stored; the same command asks for the rest" in stopped.err
        server.respond = good_reply
        again = cli(*base, "--json")
        assert again.code == 0, again.err
        assert again.json["from_cache"] == 1


def test_shards_meet_in_one_cache(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        base = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
        for part in (1, 2):
            cli(*base, "--shard", f"{part}/2", "--cache", f"{part}.db")
        assert len(server.requests) == 3
        assert cli("cache", "merge", "1.db", "2.db", "--cache", "all.db").code == 0
        whole = cli(*base, "--cache", "all.db", "--json")
        assert (whole.json["answered"], whole.json["calls"]) == (3, 0)
    for wrong in ("3", "5/4", "0/4", "1/0", "1/4/2", "-1/4", "٣/4"):
        refused = cli("generate", tiny, "--llm", "ollama:x", f"--shard={wrong}")
        assert refused.code == 2
        assert "--shard: has to be I/N with I from 1 to N" in refused.err


def test_mirror_keeps_each_negatives_own_query(cli: Cli, tiny: Path, tmp_path: Path) -> None:
    answer = json.loads(good())
    for item in answer["negatives"]:
        item["query"] = f"own query of {item['title']}"
    answer["negatives"][1]["query"] = "Vitamin D improves bone density?"
    with ChatServer(lambda body, number: Reply(text=json.dumps(answer))) as server:
        options = ("--llm", "openai:m", "--base-url", server.openai_url, "--prompt", "mirror", "--limit", "1")
        result = cli("generate", tiny, *options, "--json")
    rows = list(read_jsonl(Path(str(result.json["path"]))))
    assert rows[0]["extra"] == {"query": "own query of Study x 1"}
    assert rows[1]["extra"] == {"rejected_query": "Vitamin D improves bone density?"}


def test_mirror_queries_are_asked_for_afterwards(cli: Cli, tiny: Path, tmp_path: Path) -> None:
    file = recording(tmp_path / "r.jsonl", {"q1": "d1"})
    assert cli("generate", tiny, "--llm", f"replay:{file}", "--prompt", "mirror-queries").code == 2
    cli("generate", tiny, "--llm", f"replay:{file}")
    mirror = tmp_path / "m.jsonl"
    own = [("q1", 1, "a query of its own"), ("q1", 2, "Vitamin D improves bone density.")]
    write_jsonl(mirror, [{"query_id": q, "negative": i, "query": text} for q, i, text in own])
    result = cli("generate", tiny, "--llm", f"replay:{mirror}", "--prompt", "mirror-queries", "--json")
    assert result.code == 0, result.err
    assert result.json["dropped"] == {"copy of the query": 1}
    assert list(read_jsonl(Path(str(result.json["path"])))) == [
        {"query_id": "q1", "doc_id": "d1", "negative": 1, "query": "a query of its own"}
    ]
    other = cli("generate", tiny, "--llm", f"replay:{file}", "--name", "default.mirror")
    assert other.code == 2
    assert "is a result of mirror-queries, which generate does not replace" in other.err


def test_rewriting_needs_mined_negatives_and_shows_them(cli: Cli, tiny: Path) -> None:
    with ChatServer(lambda body, number: Reply(text=negatives_text(1, words=10))) as server:
        options = ("--llm", "openai:m", "--base-url", server.openai_url, "--prompt", "rewrite")
        lacking = cli("generate", tiny, *options)
        assert lacking.code == 2
        assert f"Run `syneg mine {tiny}`." in lacking.err
        mined = [MinedNegative("q1", "d2", "dense", 2, 0.5), MinedNegative("q1", "d6", "dense", 1, 0.9)]
        write_jsonl(Path(".syneg/tiny/mined/dense.jsonl"), mined)
        result = cli("generate", tiny, *options, "--json")
        assert result.code == 0, result.err
        assert (result.json["answered"], result.json["without_candidate"]) == (1, 2), result.err
        asked = server.requests[0]["messages"][0]["content"]
    assert asked.index("Sleep apnea is common") < asked.index("show no effect on mood")


def test_what_is_shown_while_it_runs() -> None:
    stats = Stats(total=100, done=40, in_flight=8, from_cache=10, prompt_tokens=1000, completion_tokens=500)
    stats.cost_usd, stats.retries = 0.3, 2
    stats.sample = (("query", "a query"), ("document", f"a [document] {'x' * 300}"))
    stats.problems["unparsable"] = 3
    said = ", ".join(facts(stats, 60.0, 2.0))
    for part in (
        "40/100 pairs (40%)",
        "ETA 2m 00s",
        "8 in flight",
        "10 from the cache",
        "1,000 tokens in, 500 out",
    ):
        assert part in said
    assert "$0.3000 spent, $0.9000 projected, cap $2.00" in said
    assert "2 retries" in said
    from rich.console import Console

    console = Console(width=120, record=True)
    console.print(view(stats, "generate", 60.0, 2.0))
    text = console.export_text()
    assert "3 unparsable" in text
    assert "query    a query" in text
    assert "document a [document]" in text
    assert "x…" in text


@pytest.mark.parametrize("width", [40, 80])
def test_what_is_shown_fits_the_terminal(width: int) -> None:
    """The bar has a line of its own, every fact is whole, and the money comes first."""
    from rich.console import Console

    stats = Stats(total=100, done=40, in_flight=8, from_cache=10, prompt_tokens=1000, completion_tokens=500)
    stats.cost_usd, stats.retries, stats.failed = 0.3, 2, 1
    console = Console(width=width, record=True)
    console.print(view(stats, "generate", 60.0, 2.0))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert set(lines[1]) <= set("━╸╺"), lines
    assert lines[2].startswith("$0.3000 spent")
    first, *rest = facts(stats, 60.0, 2.0)
    assert first in lines[0]
    assert [fact for line in lines[2:] for fact in line.split("  ")] == rest


def test_an_unknown_price_is_never_zero() -> None:
    stats = Stats(total=2, done=1, answered=1, unpriced=True)
    assert "unpriced" in facts(stats, 1.0)
    assert not any("$" in fact for fact in facts(stats, 1.0))


def test_help_is_quick_and_light(cli: Cli) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from syneg_cli.cli.app import main; main(['generate', '--help']); "
        "heavy = {'torch', 'openai', 'ollama', 'transformers', 'jinja2', 'genai_prices', 'sqlite_utils', 'pyarrow'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"


@pytest.mark.slow
@pytest.mark.shared
def test_the_recorded_scifact_answers(cli: Cli, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNEG_DATASET_DEV_FRACTION")
    file = shared / "recorded" / "scifact-train.jsonl"
    result = cli("generate", "scifact", "--data-dir", shared / "data", "--llm", f"replay:{file}", "--json")
    assert result.code == 0, result.err
    assert result.json["dropped"] == {}
    assert result.json["negatives"] == 2 * int(str(result.json["answered"])) > 1400

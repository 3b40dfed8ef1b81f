"""A result is what it says it is: nothing usable is a failure, and nothing good gives way to less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.servers import ChatServer, Reply, good_reply, negatives_text

WRITTEN = Path(".syneg/tiny/synthetic/default.jsonl")


@pytest.fixture
def generate(tiny: Path, cli: Cli) -> Cli:
    def run(server: ChatServer, *options: object) -> object:
        llm = ("--llm", "openai:m", "--base-url", server.openai_url, "--set", "generate.corrections=0")
        return cli("generate", tiny, *llm, "--set", "dataset.dev_fraction=0", *options)

    return run  # type: ignore[return-value]


def lines() -> int:
    return len(WRITTEN.read_text().splitlines())


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (
            Reply(status=400, error="we do not do that here"),
            "3 refused (",
        ),
        (Reply(text=""), "3 answers unparsable"),
        (Reply(text="I cannot help with that."), "3 answers unparsable"),
        (Reply(text=negatives_text()[:60], finish="length"), "3 negatives dropped: cut off"),
        (Reply(text=negatives_text(2, words=3000)), "6 negatives dropped: far off the asked length"),
        (Reply(text=json.dumps({"negatives": []})), "3 answers"),
    ],
)
def test_nothing_usable_is_a_failure_that_says_why(
    generate: Cli, cli: Cli, tiny: Path, reply: Reply, cause: str
) -> None:
    with ChatServer(lambda body, number: reply) as server:
        result = generate(server)
    assert result.code == 1, result.err
    assert "0 of 3 pairs got a usable negative" in result.err
    assert cause in result.err
    assert not WRITTEN.exists()
    assert cli("mix", tiny, "--strategy", "synthetic").code == 2


def test_what_a_server_says_is_told(generate: Cli) -> None:
    with ChatServer(lambda body, number: Reply(status=400, error="we do not do that here")) as server:
        assert "we do not do that here" in generate(server).err


def test_a_part_that_failed_has_a_row_and_its_reason_in_json(generate: Cli) -> None:
    def respond(body: dict[str, object], number: int) -> Reply:
        return (
            Reply(status=400, error="not this one")
            if "bone density" in str(body)
            else good_reply(body, number)
        )

    with ChatServer(respond) as server:
        result = generate(server, "--json")
        assert result.code == 0, result.err
        assert result.json["complete"] is False
        assert [(one["why"], one["pairs"]) for one in result.json["failed"]] == [("refused", 1)]  # type: ignore[attr-defined]
        assert "not this one" in str(result.json["failed"])
        assert "1 of 3 pairs without a usable answer: 1 refused" in result.err
        assert "refused" in generate(server).out


@pytest.mark.parametrize(
    ("drafts", "told"),
    [
        ((2, 10), None),
        ((1, 3000), "1 of 3 negatives dropped: far off the asked length"),
        ((0, 0), "1 of 3 pairs without a usable answer: 1 answer"),
    ],
)
def test_a_warning_names_only_what_is_there(generate: Cli, drafts: tuple[int, int], told: str | None) -> None:
    def respond(body: dict[str, object], number: int) -> Reply:
        count, words = drafts if "bone density" in str(body) else (1, 10)
        return Reply(text=negatives_text(count, words=words, tag=f"r{number}") if count else "no")

    with ChatServer(respond) as server:
        warned = [line for line in generate(server, "--n", 1).err.splitlines() if "warning" in line]
    assert [line.partition("warning: ")[2].startswith(told or "") for line in warned] == [True] * bool(told)
    assert not any(" 0 of" in line or "nothing was asked" in line for line in warned)


def test_a_warning_of_several_losses_says_each_once(generate: Cli) -> None:
    def respond(body: dict[str, object], number: int) -> Reply:
        text = negatives_text(2, words=10, tag=f"r{number}")
        if "bone density" in str(body):
            text = negatives_text(2, words=3000)
        return Reply(text=text[:150] if "heart attack" in str(body) else text)

    with ChatServer(respond) as server:
        (warned,) = [line for line in generate(server).err.splitlines() if "warning" in line]
    assert warned == "warning: 3 of 5 negatives dropped: 2 far off the asked length; 1 cut off"


def test_a_run_that_a_cap_stopped_says_what_was_not_asked_in_one_error(generate: Cli) -> None:
    with ChatServer() as server:
        stopped = generate(server, "--max-calls", 1)
    assert stopped.code == 1
    assert "warning" not in stopped.err
    assert "nothing was asked" not in stopped.err


@pytest.mark.parametrize("options", [("--max-calls", 1), ("--limit", 1), ("--retry-bad",)])
def test_a_result_is_never_replaced_by_less(generate: Cli, options: tuple[object, ...]) -> None:
    with ChatServer() as server:
        assert generate(server).code == 0
        whole = WRITTEN.read_bytes()
        server.respond = lambda body, number: Reply(status=400)
        result = generate(server, "--temperature", 0.5, *options)
        assert WRITTEN.read_bytes() == whole
        assert result.code == 1
        assert "keeps what an earlier run wrote" in result.err


def test_a_trial_of_a_few_pairs_leaves_the_whole_alone(generate: Cli) -> None:
    with ChatServer() as server:
        assert generate(server).code == 0
        whole = WRITTEN.read_bytes()
        trial = generate(server, "--limit", 1)
        assert trial.code == 0
        assert "holds more than this run made" in trial.err
        assert WRITTEN.read_bytes() == whole
        assert generate(server, "--n", 1).code == 0
        assert lines() == 3, "a whole result of other settings takes its place"


def test_a_larger_part_takes_the_place_of_a_smaller(generate: Cli) -> None:
    with ChatServer() as server:
        assert generate(server, "--limit", 1).code == 0
        assert lines() == 2
        assert generate(server).code == 0
        assert lines() == 6


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--lr", 1e9), ("--lr", 1e30, "--max-grad-norm", 1e30)])
def test_training_that_diverges_saves_nothing(
    cli: Cli, tiny: Path, tiny_model: Path, options: tuple[object, ...]
) -> None:
    same = ("--set", "dataset.dev_fraction=0")
    assert cli("mine", tiny, "--miner", "bm25", "--depth", 2, *same).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", *same).code == 0
    train = (
        "train",
        tiny,
        "--mixed",
        "retrieved",
        "--backbone",
        tiny_model,
        "--set",
        "train.output=m",
        *same,
    )
    result = cli(*train, "--epochs", 20, "--batch-size", 2, "--temperature", 1e-6, *options)
    assert result.code == 1, result.out
    assert "Training diverged" in result.err
    assert "step" in result.err
    assert not Path(".syneg/tiny/models/m").exists()


def test_a_judge_that_says_nothing_is_a_failure(generate: Cli, cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        assert generate(server).code == 0
    with ChatServer(lambda body, number: Reply(text="I would rather not say.")) as server:
        llm = ("--llm", "openai:m", "--base-url", server.openai_url, "--set", "dataset.dev_fraction=0")
        result = cli("verify", tiny, *llm)
    assert result.code == 1
    assert "judge gave no usable verdict on any of 6 negatives" in result.err
    assert not Path(".syneg/tiny/verified").exists()


def test_status_and_run_go_on_with_the_model_of_the_last_run(generate: Cli, cli: Cli, tiny: Path) -> None:
    same = (tiny, "--set", "dataset.dev_fraction=0", "--set", "generate.corrections=0")
    with ChatServer() as server:
        assert generate(server).code == 0
        asked = len(server.requests)
        stages = cli("status", *same, "--json").json["stages"]
        assert isinstance(stages, list)
        states = {stage["stage"]: (stage["state"], stage["detail"]) for stage in stages}
        assert states["generate"] == ("up to date", "6 negatives")
        changed = cli("status", *same, "--set", "generate.n=1", "--json").json["stages"]
        assert isinstance(changed, list)
        assert changed[0]["detail"] == "n changed: 2 -> 1", "neither the model nor the server changed"
        assert len(server.requests) == asked


def test_a_part_may_take_the_place_of_a_damaged_whole(generate: Cli) -> None:
    with ChatServer() as server:
        assert generate(server).code == 0
        WRITTEN.write_text("")
        part = generate(server, "--temperature", 0.5, "--max-calls", 4)
        assert part.code == 1
        assert "keeps what an earlier run wrote" not in part.err
        assert lines() == 2


def test_an_empty_part_has_a_sentence_of_its_own(generate: Cli) -> None:
    with ChatServer() as server:
        results = [generate(server, "--shard", f"{part}/20") for part in range(1, 21)]
        asked = len(server.requests)
    empty = [result for result in results if result.code == 2]
    assert all("none of the 3 pairs is in this part" in result.err for result in empty)
    assert len(results) - len(empty) == asked <= 3


def test_the_same_texts_for_every_query_are_said(generate: Cli) -> None:
    with ChatServer(lambda body, number: Reply(text=negatives_text(words=12))) as server:
        result = generate(server)
    assert result.code == 0
    assert "6 of 6 negatives have the same text as another query's" in " ".join(result.err.split())
    with ChatServer() as server:
        assert "another query's" not in generate(server, "--force", "--temperature", 0.5).err


@pytest.mark.parametrize(
    "reply", [Reply(status=401, error="expired"), Reply(raw="<html>log in</html>", kind="text/html")]
)
def test_what_was_answered_before_the_end_is_said_and_used(generate: Cli, reply: Reply) -> None:
    broken = True
    with ChatServer(
        lambda body, number: reply if broken and number > 2 else good_reply(body, number)
    ) as server:
        result = generate(server, "--concurrency", 1)
        assert result.code == 1
        assert "2 of 3 answers are in the cache" in " ".join(result.err.split())
        broken, asked = False, len(server.requests)
        assert generate(server).code == 0
        assert len(server.requests) == asked + 1


def test_an_answer_that_does_not_end_is_not_sent_back(generate: Cli) -> None:
    with ChatServer(lambda body, number: Reply(text=negatives_text(words=200_000))) as server:
        result = generate(server, "--set", "generate.corrections=1")
        assert len(server.requests) == 3
    assert result.code == 1
    assert "3 answers unparsable" in result.err

"""`--json`: each command prints the object that docs/json.md describes, also where nothing was to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from syneg_cli.cli.commands import COMMANDS
from syneg_cli.cli.render.measured import arms
from syneg_cli.evaluation import Evaluation, score
from tests.answered import answer, expired_line, requests_in, write_lines
from tests.conftest import Cli
from tests.json_shapes import schema, sections
from tests.servers import ChatServer, Reply, good_reply, prompt_of

OWN = {"queries", "generate", "mix", "train"}
"""Stages whose result is one object, with the fields of every stage."""


@pytest.fixture
def project(tiny: Path, tiny_model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n'
        '[generate]\nllm = "ollama:llama3"\n[mine]\nminers = ["bm25", "dense"]\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\noutput = "m"\n',
        encoding="utf-8",
    )
    with ChatServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield cli


def check(value: object, heading: str, *, stage: bool = False) -> None:
    jsonschema.validate(value, schema(heading, stage=stage))


def printed(cli: Cli, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = cli(*arguments, "--json")
    assert result.code == code, result.err
    assert result.out.count("\n") == 1, "one object, in one line"
    return result.json


def test_every_stage_that_ran_and_that_was_up_to_date(project: Cli, tiny: Path) -> None:
    for skipped in (False, True):
        for heading in ("generate", "mine", "verify", "mix", "train"):
            found = printed(project, heading, *(("--check", "margin") if heading == "verify" else ()))
            check(found, heading, stage=heading in OWN)
            every = {"mine": "miners", "verify": "files"}.get(heading)
            assert {one["skipped"] for one in (found[every] if every else [found])} == {skipped}
        check(printed(project, "eval"), "eval")
    for heading in ("generate", "verify"):
        chosen = ("--check", "judge") if heading == "verify" else ()
        found = printed(project, heading, *chosen, "--estimate")
        found = {"pairs" if key == "negatives" else key: value for key, value in found.items()}
        vectors = {key: found.pop(key) for key in ("vectors", "here") if key in found}
        assert bool(vectors) == (heading == "verify")
        check(found, "generate --estimate")
    for heading in ("mine", "eval"):
        for backbone in ("openai:m", "minilm"):
            check(printed(project, heading, "--backbone", backbone, "--estimate"), "mine --estimate")
    check(printed(project, "status"), "status")
    check(printed(project, "report"), "report")
    check(printed(project, "export", "--output", "x.jsonl"), "export")
    check(printed(project, "generate", "--show-config"), "--show-config")
    for number, name in enumerate((str(tiny), "scifact", None)):
        check(printed(project, "init", *([name] if name else []), "--dir", f"p{number}"), "init")


def test_a_pilot_with_a_judge_and_without(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(body: dict[str, Any], number: int) -> Reply:
        judged = '"evidence"' in prompt_of(body)
        return Reply(text='{"evidence": "", "relevant": false}') if judged else good_reply(body, number)

    with ChatServer(answer) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for arguments in ((), (), ("--judge",)):
            found = printed(project, "generate", "--pilot", 2, *arguments)
            check(found, "generate --pilot", stage=True)


def test_imports(project: Cli, tiny_model: Path) -> None:
    docs = Path("docs")
    docs.mkdir()
    for name, data in {"a.txt": b"A.", "b.txt": "Größe".encode("utf-16"), "empty.txt": b""}.items():
        (docs / name).write_bytes(data)
    Path("t.csv").write_text("id,text\n1,One.\n")
    Path("queries.tsv").write_text("q1\tx\n")
    Path("test.tsv").write_text("q1\ta.txt\t1\n")
    judged = ("--queries", "queries.tsv", "--qrels", "test.tsv", "--backbone", tiny_model)
    for arguments in (("docs", *judged), ("docs", *judged), ("t.csv", "--backbone", tiny_model)):
        check(printed(project, "import", *arguments), "import", stage=True)


def test_requests_and_answers_as_files(project: Cli) -> None:
    answered = {"generate": good_reply, "verify": lambda body, number: Reply(text='{"relevant": false}')}
    for heading, respond in answered.items():
        asked = (heading, "--llm", "openai:m", *(("--check", "judge") if heading == "verify" else ()))
        check(printed(project, *asked, "--batch-write", "in.jsonl", "--force"), "generate --batch-write")
        nothing = [expired_line(one["custom_id"]) for one in requests_in(Path("in.jsonl"))]
        write_lines(Path("none.jsonl"), *nothing)
        check(printed(project, *asked, "--batch-read", "none.jsonl"), "generate --batch-read")
        answer(Path("in.jsonl"), Path("out.jsonl"), respond=respond)
        found = printed(project, *asked, "--batch-read", "out.jsonl")
        check(found.pop("batch"), "generate --batch-read")
        check(found, heading, stage=heading in OWN)
        if heading == "generate":
            assert project("mine").code == 0


def test_queries(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(body: Any, number: int) -> Reply:
        if '"queries"' in prompt_of(body):
            return Reply(text='{"queries": ["what does this study say", "aspirin or sleep for men"]}')
        if '"rewrites"' in prompt_of(body):
            return Reply(text='{"rewrites": [{"kind": "keywords", "query": "skeleton women"}]}')
        return good_reply(body, number)

    with ChatServer(write) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for more in ((), ("--rewrite",)):
            estimate = printed(project, "queries", *more, "--estimate")
            check(estimate, "queries --estimate")
            for skipped in (False, True):
                found = printed(project, "queries", *more)
                check(found, "queries", stage=True)
                assert found["skipped"] == skipped
        server.respond = lambda body, number: (
            Reply(status=400, error="no") if "Sleep apnea" in prompt_of(body) else write(body, number)
        )
        partly = printed(project, "queries", "--n", 3, "--name", "x")
        check(partly, "queries", stage=True)
        assert [one["asked"] for one in partly["failed"]] == [1]


def test_run_has_the_shapes_of_its_stages(project: Cli) -> None:
    for _ in range(2):
        found = printed(project, "run")
        check(found, "run")
        check(found["evaluation"], "eval")
        for one in found["stages"]:
            if one["stage"] in OWN:
                check(one, one["stage"], stage=True)


def test_the_caches_and_the_prompts(project: Cli, tmp_path: Path) -> None:
    printed(project, "generate")
    printed(project, "mine", "--miner", "dense")
    check(printed(project, "cache", "stats"), "cache stats")
    answers = printed(project, "cache", "list")
    check(answers, "cache list")
    one = printed(project, "cache", "show", answers["answers"][0]["key"])
    check({"answers": [one]}, "cache list")
    check(printed(project, "cache", "export", "y.jsonl"), "cache export")
    check(printed(project, "cache", "import", "y.jsonl"), "cache import")
    check(printed(project, "cache", "prune", "--status", "ok"), "cache prune")
    check(printed(project, "cache", "embeddings"), "cache embeddings")
    check(printed(project, "cache", "prune-embeddings", "--all"), "cache prune-embeddings")
    copy = tmp_path / "copy.db"
    copy.write_bytes(Path(".syneg/generations.db").read_bytes())
    check(printed(project, "cache", "merge", copy), "cache merge")
    check(printed(project, "prompts", "list"), "prompts list")
    check(printed(project, "prompts", "show", "syneg"), "prompts show")
    check(printed(project, "prompts", "check"), "prompts check")
    check(printed(project, "prompts", "render"), "prompts render")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"demo", "prompts", "cache", "keys", "doctor"}))
def test_errors_of_every_command(project: Cli, command: str) -> None:
    Path("syneg.toml").write_text('[dataset]\nname = "./nowhere"\n')
    check(printed(project, command, *(["./nowhere"] if command == "init" else []), code=2), "Errors")
    check(
        printed(project, command, "--set", "train.epochs=x", code=2), "Errors"
    ) if command != "init" else None


def test_the_demo() -> None:
    """The comparison of arms; the training of three is not what this is about."""
    qrels = {f"q{n}": {"d": 1} for n in range(4)}

    def arm(name: str, found: int) -> Evaluation:
        scores = score({q: {"d" if n < found else "x": 1.0} for n, q in enumerate(qrels)}, qrels)
        return Evaluation(name, name, "demo", "test", "fp32", scores.metrics, scores.per_query, "")

    data, _ = arms({name: arm(name, n) for n, name in enumerate(("zero-shot", "mined", "mirror"), 1)}, "demo")
    check({**data, "seconds": 1.0}, "demo")


def test_every_command_has_its_section() -> None:
    said = {heading.split()[0] for heading in sections()}
    assert set(COMMANDS) - said == set()

"""`syneg init --base-url`: the server of a model of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.stages.consent import known_hosts
from syneg_cli.stages.project import resolve
from tests.cli.test_init import documents
from tests.conftest import Cli


def test_a_server_of_ones_own_is_written_down_and_known_from_then_on(cli: Cli) -> None:
    documents(Path("docs"))
    server = "http://gpu.example.org:8000/v1"
    result = cli("init", "docs", "--llm", "openai:qwen", "--base-url", server)
    assert result.code == 0, result.err
    project = resolve(file=Path("syneg.toml"), environ={}).project
    assert (project.generate.llm, project.generate.base_url) == ("openai:qwen", server)
    assert "gpu.example.org" in known_hosts()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--llm", "openai:m", "--base-url", "gpu:8000"), "does not begin with http:// or https://"),
        (
            ("--llm", "openai:m", "--base-url", "http://me:secret@gpu/v1"),
            "set OPENAI_BASE_URL to that address",
        ),
        (("--llm", "ollama:m", "--base-url", "http://me:secret@gpu"), "set OLLAMA_HOST to that address"),
        (("--llm", "replay:a.jsonl", "--base-url", "http://gpu/v1"), "and replay:a.jsonl is named"),
        (("--base-url", "http://gpu/v1"), "and no model is named"),
        (("--llm", "openai:m", "--base-url", ""), "empty"),
    ],
)
def test_a_server_that_cannot_be_is_said_before_anything_is_written(
    cli: Cli, given: tuple[str, ...], told: str
) -> None:
    documents(Path("docs"))
    result = cli("init", "docs", *given)
    assert result.code == 2
    assert told in " ".join(result.err.split())
    assert "secret" not in result.err
    assert [path.name for path in Path().iterdir()] == ["docs"]

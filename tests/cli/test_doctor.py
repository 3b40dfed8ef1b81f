"""`syneg doctor`: what it finds, and what a report of it does not have."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.json_shapes import schema
from tests.servers import ChatServer, Reply, nobody

KEY = "sk-of-a-test-0123456789"


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


def found(cli: Cli, *arguments: object, code: int = 0) -> dict[str, dict[str, str]]:
    import jsonschema

    result = cli("doctor", "--json", *arguments)
    assert result.code == code, result.out + result.err
    data = json.loads(result.out)
    jsonschema.validate(data, schema("doctor"))
    assert data["problems"] == sum(one["state"] == "problem" for one in data["checks"])
    return {one["name"]: one for one in data["checks"]}


def test_without_a_project_all_is_looked_at(cli: Cli) -> None:
    checks = found(cli)
    assert {"Python", "libraries", "processor", "memory", "disk", "GPU", "keys", "locks", "backbone"} <= set(
        checks
    )
    assert "torch" in checks["libraries"]["said"]
    assert not Path(".syneg").exists(), "nothing is written"
    shown = cli("doctor")
    assert shown.out.splitlines()[-1].startswith("0 problems")


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_the_server_is_asked_for_its_models_alone(
    cli: Cli, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", KEY)
    with ChatServer() as server:
        url = server.openai_url if provider == "openai" else server.url
        checks = found(cli, "--llm", f"{provider}:m", "--base-url", url)
        assert "its server answers" in checks["language model"]["said"]
        assert not server.requests, "nothing that could be paid for"
    with nobody() as dead:
        wrong = found(cli, "--llm", f"{provider}:m", "--base-url", dead, code=1)["language model"]
    assert "does not answer" in wrong["said"]
    assert "--base-url" in wrong["remedy"]
    assert KEY not in json.dumps(checks) + json.dumps(wrong)


def test_caches_locks_and_rights(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        assert cli("generate", tiny, "--llm", "ollama:m", "--base-url", server.url).code == 0
    cache = Path(".syneg/generations.db")
    assert "3 answers" in found(cli)["generation cache"]["said"]
    cache.chmod(0o644)
    assert found(cli)["generation cache"]["state"] == "warning"
    lock = Path(".syneg/locks/train-x.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    code = f"import sys; from filelock import FileLock; lock = FileLock({str(lock)!r}); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        lock.write_text(f"{holder.pid}\n")
        assert f"train-x by process {holder.pid}" in found(cli)["locks"]["said"]
        holder.communicate("")
    assert found(cli)["locks"]["said"] == "none is held"
    data = bytearray(cache.read_bytes())
    data[4096:] = b"\x5a" * len(data[4096:])
    cache.write_bytes(bytes(data))
    broken = found(cli, code=1)["generation cache"]
    assert broken["state"] == "problem"
    assert "recover" in broken["remedy"]


def test_a_model_that_is_none_and_one_that_would_be_fetched(cli: Cli, tmp_path: Path) -> None:
    assert found(cli, "--backbone", "./nowhere", code=1)["backbone"]["state"] == "problem"
    assert found(cli, "--backbone", "me/no-such-model")["backbone"]["state"] == "warning"


def test_a_model_is_loaded_and_one_that_cannot_be_is_a_problem(
    cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of the right name is no model yet: its weights may be cut, its words missing."""
    good = found(cli, "--backbone", tiny_model)["backbone"]
    assert good["state"] == "ok"
    assert good["said"].endswith("loads, and encodes to 32 numbers")
    for file, left in (("model.safetensors", 5000), ("tokenizer.json", 10), ("config.json", 10)):
        broken = shutil.copytree(tiny_model, tmp_path / file)
        damaged = broken / file
        damaged.write_bytes(damaged.read_bytes()[:left])
        wrong = found(cli, "--backbone", broken, code=1)["backbone"]
        assert f"{broken} cannot be loaded" in wrong["said"]
        assert "Put a whole copy in its place" in wrong["remedy"]


def test_a_language_model_of_this_machine_is_loaded_and_a_recording_read(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    wrong = found(cli, "--llm", f"hf:{tiny_model}", code=1)["language model"]
    assert "hf:" in wrong["said"]
    assert wrong["remedy"]
    assert found(cli, "--llm", "hf:~nobody_here/x", code=1)["language model"]["state"] == "problem"
    assert "downloads it" in found(cli, "--llm", "hf:me/no-such-model")["language model"]["said"]
    Path("recorded.jsonl").write_text(json.dumps({"query_id": "q1", "doc_id": "d1", "response": "x"}))
    assert "can be read" in found(cli, "--llm", "replay:recorded.jsonl")["language model"]["said"]
    assert found(cli, "--llm", "replay:nowhere.jsonl", code=1)["language model"]["state"] == "problem"


def test_an_env_file_that_others_can_read_is_a_warning(cli: Cli) -> None:
    Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    Path(".env").chmod(0o644)
    result = cli("doctor")
    assert "warning  keys: .env can be read by others" in result.out
    assert KEY not in result.out
    Path(".env").chmod(0o600)
    assert "can be read by others" not in cli("doctor").out


def test_a_report_for_others_has_no_secret_no_text_and_no_home(cli: Cli, tiny: Path, tmp_path: Path) -> None:
    Path(".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\nrelevance = "A secret page."\nattributes.domain = ["our product"]\n'
        '[generate]\nllm = "ollama:m"\nbase_url = "http://bob:hunter22@127.0.0.1:9"\nn = 3\n'
    )
    result = cli("doctor", "--bundle", "report.txt")
    assert result.code == 1, "nobody answers there"
    text = Path("report.txt").read_text()
    assert "generate.n = 3" in text
    assert "problem  language model" in text
    for private in (KEY, "hunter22", "A secret page", "our product", str(tmp_path), "vitamin"):
        assert private not in text, private


def test_wrong_versions_are_problems(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "typer" else real(name))
    shown = cli("doctor")
    assert shown.code == 1
    assert "problem  libraries: typer is 0.1, not >=0.20" in shown.out
    assert "pip install 'typer>=0.20'" in shown.out


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_a_server_that_refuses_the_key_and_one_without_the_model(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", KEY)
    with ChatServer() as server:
        url = server.openai_url if provider == "openai" else server.url
        server.script.append(Reply(status=401, raw=f'{{"error": "bad key {KEY}"}}'))
        refused = found(cli, "--llm", f"{provider}:m", "--base-url", url, code=1)["language model"]
        lacking = found(cli, "--llm", f"{provider}:other", "--base-url", url)["language model"]
    assert "refuses (401): bad key ***" in refused["said"]
    assert "syneg keys list" in refused["remedy"]
    assert lacking["state"] == "warning"
    assert "It has gpt-4o-mini, llama3, m" in lacking["remedy"]


def test_one_core_is_one_core(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert found(cli)["processor"]["said"].startswith("1 core, OMP_NUM_THREADS=1; ")

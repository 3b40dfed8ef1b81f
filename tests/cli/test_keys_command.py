"""`syneg keys`, and that keys and passwords are in nothing that is printed or stored."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.core import keys_file
from tests.conftest import Cli
from tests.json_shapes import schema
from tests.patience import PATIENCE
from tests.servers import ChatServer, Reply

NAME, KEY = "OPENAI_API_KEY", "sk-of-a-test-0123456789"


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def check(value: object, heading: str) -> None:
    import jsonschema

    jsonschema.validate(value, schema(heading))


def test_a_key_is_kept_from_a_pipe_listed_without_it_used_and_removed(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    kept = cli("keys", "set", NAME, "--json")
    assert kept.code == 0, kept.err
    check(kept.json, "keys set")
    listed, as_json = cli("keys", "list"), cli("keys", "list", "--json")
    check(as_json.json, "keys list")
    assert json.loads(as_json.out)["keys"][0]["from"] == str(keys_file())
    with ChatServer() as server:
        done = cli("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url, "--limit", 1)
        assert done.code == 0, done.err
        assert server.keys == {f"bearer {KEY}"}
    gone = cli("keys", "remove", NAME, "--json")
    check(gone.json, "keys remove")
    assert KEY not in "".join(
        (kept.out, kept.err, listed.out, as_json.out, done.out, done.err, gone.out, gone.err)
    )
    assert KEY not in keys_file().read_text()
    stored = [path for path in Path().rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert not stored, "no cache, manifest or artefact has it"


def test_a_key_on_the_command_line_is_refused_without_repeating_it(cli: Cli) -> None:
    result = cli("keys", "set", NAME, KEY)
    assert result.code == 2
    assert "history" in result.err
    assert KEY not in result.err
    assert not keys_file().exists()


def test_wrong_keys_and_names(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, said in ((f"{KEY}\n{KEY}\n", "holds a character"), ("", "nothing was given")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        result = cli("keys", "set", NAME)
        assert result.code == 2
        assert said in result.err
        assert KEY not in result.err
    assert "Did you mean" in cli("keys", "set", "OPENAI_KEY").err
    assert cli("keys", "remove", NAME).out.endswith(f"has no {NAME}\n")


def test_a_file_that_others_can_read_is_said_in_the_list(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(KEY))
    assert cli("keys", "set", NAME).code == 0
    keys_file().chmod(0o644)
    listed = cli("keys", "list", "--json")
    problem = json.loads(listed.out)["keys"][0]["problem"]
    assert f"chmod 600 '{keys_file()}'" in problem
    refused = cli("generate", "x", "--llm", "openai:m", "--base-url", "http://127.0.0.1:9")
    assert refused.code == 2


def test_at_a_terminal_it_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    here, there = pty.openpty()
    command = [sys.executable, "-m", "syneg_cli", "keys", "set", NAME]
    with subprocess.Popen(
        command, stdin=there, stdout=there, stderr=there, start_new_session=True, env=os.environ
    ) as process:
        os.close(there)
        written = b""
        while b"not shown" not in written:
            written += os.read(here, 65536)
        os.write(here, f"{KEY}\n".encode())
        try:
            while part := os.read(here, 65536):
                written += part
        except OSError:  # Linux, where the other end is closed
            pass
        assert process.wait(PATIENCE) == 0, written
    os.close(here)
    assert KEY.encode() not in written
    assert KEY in keys_file().read_text()


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_a_server_that_repeats_the_key(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch, provider: str, status: int
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", KEY)
    echo = "x" * 280 + f" your key {KEY} is wrong"
    with ChatServer() as server:
        body = json.dumps({"error": {"message": echo, "code": "model_not_found"}})
        server.script.extend([Reply(status=status, raw=body)] * 12)
        url = server.openai_url if provider == "openai" else server.url
        arguments = (
            "generate",
            tiny,
            "--llm",
            f"{provider}:m",
            "--base-url",
            url,
            "--limit",
            1,
            "--attempts",
            1,
        )
        for extra in ((), ("--json",)):
            result = cli(*arguments, *extra)
            assert KEY[:12] not in result.out + result.err, result.err


@pytest.mark.parametrize(
    "value", ["'http://bob:hunter22@host:1'", "['http://bob:hunter22@host']", "['bob:hunter22@host:1']", "{a = 'bob:hunter22@host'}"]
)  # fmt: skip
def test_passwords_of_addresses_are_in_no_type_error_and_no_configuration(
    cli: Cli, tiny: Path, value: str
) -> None:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\n[generate]\nllm = "openai:m"\nbase_url = {value}\n'
    )
    for command in (("status", "--show-config"), ("generate",), ("doctor", "--bundle", "r.txt"), ("status",)):
        result = cli(*command)
        bundle = Path("r.txt").read_text() if Path("r.txt").exists() else ""
        assert "hunter22" not in result.out + result.err + bundle, command
    result = cli("generate", "--set", f"generate.base_url={value}", "--set", "generate.n=x")
    assert "hunter22" not in result.out + result.err


def test_a_traceback_has_no_key_either(tmp_path: Path) -> None:
    code = f"import sys; from syneg_cli.cli.app import entry_point; sys.argv = ['syneg', 'status']; import syneg_cli.cli.options as o\ndef broken(*a, **k): raise RuntimeError('{KEY}')\no.resolve = broken\nentry_point()"
    environment = {**os.environ, NAME: KEY, "SYNEG_DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError: ***" in done.stderr
    assert KEY not in done.stderr
    del environment["SYNEG_DEBUG"]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert "unexpected RuntimeError: ***" in done.stderr

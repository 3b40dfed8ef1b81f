"""No message holds a secret, in whatever form somebody repeats it."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from syneg_cli.core import Printed, SynegError, UsageError, known_masked, masked, remember, remember_address

KEY = "my/odd+key=0123 456"[:15]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://me:pw@host:1/v1 is down", "http://***@host:1/v1 is down"),
        ("not 'me:pw@host:8000/v1'.", "not '***@host:8000/v1'."),
        ("not ['socks5://me:p@ss@host']", "not ['socks5://***@host']"),
        ("https://host/v1?api_key=abc&v=2", "https://host/v1?api_key=***&v=2"),
        ("Incorrect API key: sk-proj-0123456789abcdef!", "Incorrect API key: ***!"),
        ("token hf_abcdefghijklmnopqrst", "token ***"),
        ("write to me@example.org", "write to me@example.org"),
        ("hf:Qwen@0123456789abcdef has no template", "hf:Qwen@0123456789abcdef has no template"),
        ("a/b.jsonl, line 3: q1@x", "a/b.jsonl, line 3: q1@x"),
    ],
)
def test_what_is_a_secret_wherever_it_stands(text: str, said: str) -> None:
    assert masked(text) == said


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "OLLAMA_API_KEY", "HF_TOKEN", "WANDB_API_KEY", "X_SECRET"]
)
def test_a_key_of_the_environment_is_in_no_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, f" {KEY}\r\n")
    for form in (KEY, quote(KEY, safe=""), json.dumps(KEY), repr(f"{KEY}\r\n")):
        assert KEY not in masked(f"it said {form}")
        assert "***" in masked(f"it said {form}")
        assert known_masked(form) != form


def test_of_a_key_of_several_lines_no_part_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "first-part\nsecond-part")
    assert masked("a first-part, b'first-part\\nsecond-part'") == "a ***, b'***'"


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "all_proxy", "OPENAI_BASE_URL", "OLLAMA_HOST", "HF_ENDPOINT"]
)
def test_a_password_of_an_address_is_in_no_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = "" if name == "OLLAMA_HOST" else "http://"
    monkeypatch.setenv(name, f"{scheme}bob:hunter2%21@host:3128/")
    basic = b64encode(b"bob:hunter2!").decode()
    for echoed in ("hunter2%21", "hunter2!", f"Proxy-Authorization: Basic {basic}"):
        assert "***" in masked(echoed), echoed


def test_what_is_given_where_no_key_is_needed_hides_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in ("EMPTY", "ollama", "x", "none"):
        monkeypatch.setenv("OPENAI_API_KEY", nothing)
        text = "ollama: none is EMPTY, x"
        assert masked(text) == text


def test_errors_and_notes_are_masked_where_they_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    remember("a-secret-of-a-test")
    remember_address("bob:another-secret/x@host")
    error = UsageError("has a-secret-of-a-test", hint="no another-secret/x")
    assert (str(error), error.args, error.hint) == ("has *** no ***", ("has ***",), "no ***")
    with pytest.raises(SynegError) as caught:
        raise SynegError("http://a:b@c")
    assert "a:b" not in repr(caught.value)
    Printed().note("a-secret-of-a-test \x1b[31mred")
    Printed().warn("another-secret/x")
    assert capsys.readouterr().err == "*** ␛[31mred\nwarning: ***\n"

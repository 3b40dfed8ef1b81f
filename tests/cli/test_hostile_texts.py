"""Texts of a corpus, a model or a server are shown as they are: no markup, no escape sequences, no emoji."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import DOCS, QRELS, Cli, write_dataset
from tests.servers import Body, ChatServer, Reply
from tests.terminal import in_terminal

MARKUP = "[/x] [sic] x[i] [bold]b[/bold] :warning: [link=http://x]l[/link] \\[y]"
ESCAPES = "\x1b[31mred\x1b]0;title\x07 \x9b5n \u202eabc \x08\x7f a\rb"
PICTURES = ("␛[31mred", "␇", "\\x9b5n", "\\u202eabc", "␈␡", "a␍b")
MODEL = "[red]m:[/x]"
NASTY = f"{MARKUP} {ESCAPES}"
OBEYED = ("\x1b[31mred", "\x1b]0", "\x07", "\x9b", "\u202e", "\x08", "\x7f", "a\rb")


def shown_as_it_is(text: str, *, markup: str = MARKUP, pictures: tuple[str, ...] = PICTURES) -> None:
    flat = " ".join(text.split())
    for part in (*markup.split(), *pictures):
        assert part in flat, f"{part!r} is not in {text}"
    for part in OBEYED:
        assert part not in text, repr(part)


def writer(body: Body, number: int) -> Reply:
    own = " ".join(f"word{number * 80 + n}" for n in range(80))
    fields = {"plan": NASTY, "title": "[/x] \x1b[31mred", "document": f"{NASTY} {own}", "reflection": "r"}
    return Reply(text=json.dumps({"negatives": [fields]}))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Iterator[Cli]:
    words = {doc_id: " ".join(f"{doc_id}x{n}" for n in range(80)) for doc_id in DOCS}
    docs = {doc_id: (f"{NASTY} {title}", f"{NASTY} {words[doc_id]}") for doc_id, (title, _) in DOCS.items()}
    queries = {f"q{n}": f"{NASTY} question {n}" for n in range(1, 5)}
    write_dataset(tmp_path / "[/nasty]", docs, queries, QRELS)
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tmp_path}/[/nasty]"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\n[mix]\nrounds = 1\n'
        '[generate]\nllm = "ollama:[red]m:[/x]"\nn = 1\n',
        encoding="utf-8",
    )
    with ChatServer(writer) as server:
        server.models = {MODEL}
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield cli


def test_caches_previews_and_samples(hostile: Cli) -> None:
    assert hostile("generate").code == 0
    assert hostile("mine").code == 0
    key = json.loads(hostile("cache", "list", "--json").out)["answers"][0]["key"]
    listed = hostile("cache", "list")
    assert listed.code == 0
    assert "[red]m:[/x]" in listed.out
    one = hostile("cache", "show", key)
    assert one.code == 0, one.err
    shown_as_it_is(one.out.replace("\\u001b", "␛"), pictures=("␛[31mred", "\\x9b5n", "\\u202eabc"))
    mixed = hostile("mix", "--preview", "3", "--negatives", 2)
    assert mixed.code == 0, mixed.err
    shown_as_it_is(mixed.out.replace("│", " "))
    for command in (
        ("verify", "--check", "margin", "--backbone", "nowhere/x"),
        ("status",),
        ("cache", "stats"),
        ("prompts", "list"),
    ):
        result = hostile(*command)
        assert "unexpected" not in result.err
        assert not [part for part in OBEYED if part in result.out + result.err]


@pytest.mark.slow
def test_in_a_terminal(hostile: Cli) -> None:
    generated = in_terminal("generate", columns=200)
    assert generated.code == 0, generated.text
    assert in_terminal("mine").code == 0
    key = json.loads(hostile("cache", "list", "--json").out)["answers"][0]["key"]
    for arguments in (
        ("mix", "--preview", 3, "--negatives", 2),
        ("cache", "show", key),
        ("prompts", "render", "--dataset", str(Path.cwd().parent / "[/nasty]")),
    ):
        result = in_terminal(*arguments, columns=250)
        assert result.code == 0, result.text
        for part in ("[sic]", "x[i]", ":warning:", "[/x]", "␛[31mred"):
            assert part in result.text, (arguments, part)
        for part in ("\x1b[31mred", "\x1b]0", "\x07", "\x9b", "\u202e"):
            assert part not in generated.written + result.written, (arguments, part)


def test_a_prompt_that_is_piped_stays_as_it_is(hostile: Cli) -> None:
    rendered = hostile("prompts", "render")
    assert NASTY.replace("\r", "\n") in rendered.out.replace("\r", "\n"), "for other programs, unchanged"
    said = hostile("prompts", "render", "--json")
    assert said.json["text"] == rendered.out.removesuffix("\n"), "the same text"
    assert not [part for part in OBEYED if part in said.out], "and nothing that a terminal obeys"
    Path("prompts").mkdir()
    ours = hostile("prompts", "show", "plain").out
    Path("prompts/mine.txt").write_text(f"[/x] \x1b[31m {ours}", encoding="utf-8")
    assert "[/x] \x1b[31m" in hostile("prompts", "show", "mine").out


def test_what_servers_and_names_say_in_errors(hostile: Cli) -> None:
    with ChatServer() as server:
        server.models = {MODEL}
        server.script.append(Reply(status=400, error=f"[/x] :warning: {ESCAPES}"))
        failed = hostile("generate", "--base-url", server.url, "--limit", 1)
    assert failed.code == 1
    assert "[/x] :warning:" in failed.err
    assert not [part for part in OBEYED if part in failed.err]
    for arguments in (("mine", "\x1b[31mred[/x]"), ("eval", "--model", "\x1b[31mred[/x]")):
        result = hostile(*arguments)
        assert result.code == 2
        assert "red[/x]" in result.err
        assert "\x1b[31mred" not in result.err


def test_the_live_view(hostile: Cli) -> None:
    from syneg_cli.cli.live import view
    from syneg_cli.cli.output import make_console
    from syneg_cli.llm import Stats

    console = make_console()
    console.width = 300
    with console.capture() as captured:
        console.print(
            view(Stats(total=3, sample=(("query", NASTY), ("negative", NASTY))), f"generate {MARKUP}", 1.0)
        )
    shown_as_it_is(captured.get())

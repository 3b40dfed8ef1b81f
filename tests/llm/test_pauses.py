"""What is waited for is said: a server that answered, and then shows a web page or is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.cli.live import facts
from syneg_cli.core import LLMError
from syneg_cli.llm.base import TimedOut, Unreachable
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.pauses import Pauses
from syneg_cli.llm.statistics import Stats
from tests.conftest import Cli
from tests.servers import Body, ChatServer, Reply, good_reply
from tests.servers.odd import PAGE

PAGE_REPLY = Reply(raw=PAGE.format("Sign in"), kind="text/html")


@pytest.mark.parametrize("pages", [1, 99], ids=["passing", "staying"])
def test_a_web_page_in_the_middle_is_said_and_asked_again(cli: Cli, tiny: Path, pages: int) -> None:
    """A portal that wants a new sign-in, say: it may pass, so the run goes on for a while, and says so."""

    def respond(body: Body, number: int) -> Reply:
        return PAGE_REPLY if 1 < number <= 1 + pages else good_reply(body, number)

    with ChatServer(respond) as server:
        at = ("--llm", "openai:m", "--base-url", server.openai_url, "--concurrency", 1, "--attempts", 2)
        done = cli("generate", tiny, *at, "--set", "dataset.dev_fraction=0")
    page = f"{server.openai_url} sent a web page (200: Sign in Sorry), not an answer"
    told = f"warning: {page}. It answered before, so it is asked again for a while"
    assert [line for line in done.err.splitlines() if "asked again" in line] == [told]
    assert done.code == int(pages > 1), done.err
    if done.code:
        assert f"error: {page}." in done.err
        assert "1 of 3 answers are in the cache: the same command goes on after them." in done.err


@pytest.mark.parametrize(
    ("error", "in_flight", "shown"),
    [
        (Unreachable("here sent a web page."), 3, "waiting for another try (server not reached), "),
        (TimedOut("here did not answer."), 0, "waiting for another try (timed out), "),
        (TimedOut("here did not answer."), 3, None),
    ],
)
def test_a_pause_before_another_try_is_shown_where_nothing_else_goes_on(
    error: LLMError, in_flight: int, shown: str | None
) -> None:
    said: list[str] = []
    stats = Stats(total=4, in_flight=in_flight)
    pauses = Pauses(stats, Limits(), "here", said.append)
    for _ in range(2):
        pauses.for_retry(1000.0, error)
    waiting = [part for part in facts(stats, 1.0) if part.startswith("waiting")]
    assert [part.startswith(shown or "") for part in waiting] == [True] * bool(shown)
    assert len(said) == isinstance(error, Unreachable)

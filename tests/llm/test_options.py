"""Options that a server refuses: each is given up once for each of its forms, for one request first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from syneg_cli.llm import Answer, open_llm
from syneg_cli.llm.base import Refused, Unanswerable
from tests.llm.asking import REQUEST, ask
from tests.patience import PATIENCE
from tests.servers import Body, ChatServer, Reply

BOTH = "Unsupported value for max_tokens or max_completion_tokens: use the other one."


def taking(*wanted: str, says: str = BOTH) -> Callable[[Body, int], Reply]:
    """A server that refuses whatever has options beside these; its errors name both lengths."""
    fixed = {"model", "messages", *wanted}

    def respond(body: Body, number: int) -> Reply:
        wrong = sorted(set(body) - fixed)
        if not wrong:
            return Reply(text="hi")
        lengths = {"max_tokens", "max_completion_tokens"}
        error = says if wrong[0] in lengths else f"Unsupported parameter: '{wrong[0]}' is not supported."
        return Reply(status=400, error=error)

    return respond


@pytest.mark.parametrize(
    ("wanted", "most"),
    [(("max_completion_tokens",), 6), (("max_tokens",), 5), ((), 7), (("max_tokens", "seed"), 4)],
)
def test_every_option_is_given_up_at_most_once_for_each_of_its_forms(
    server: ChatServer, wanted: tuple[str, ...], most: int
) -> None:
    server.respond = taking(*wanted)
    assert ask(server).text == "hi"
    assert len(server.requests) <= most
    assert set(server.requests[-1]) == {"model", "messages", *wanted}


def test_a_server_that_names_all_options_and_takes_none_is_given_up_soon(server: ChatServer) -> None:
    server.respond = lambda body, number: Reply(
        status=400, error="max_tokens, max_completion_tokens, seed, temperature, response_format: no"
    )
    with pytest.raises(Refused, match="max_tokens, max_completion_tokens"):
        ask(server)
    assert len(server.requests) <= 8


def test_a_wave_of_calls_meets_a_server_that_wants_other_options(server: ChatServer) -> None:
    server.respond = taking("max_completion_tokens")

    async def main() -> list[Answer]:
        llm = open_llm("openai:m", base_url=server.openai_url, timeout=PATIENCE)
        try:
            wave = await asyncio.gather(*(llm.complete(REQUEST) for _ in range(16)))
            sent = len(server.requests)
            await llm.complete(REQUEST)
            assert len(server.requests) == sent + 1, "what was learned is remembered"
            return wave
        finally:
            await llm.close()

    assert [answer.text for answer in asyncio.run(main())] == ["hi"] * 16


def test_a_refused_temperature_is_left_out_and_said_once(server: ChatServer) -> None:
    said = "Unsupported value: 'temperature' does not support 0.5 with this model."
    server.respond = lambda body, number: (
        Reply(status=400, error=said) if "temperature" in body else Reply(text="hi")
    )
    told: list[str] = []

    async def main() -> None:
        llm = open_llm("openai:m", base_url=server.openai_url, timeout=PATIENCE)
        llm.tell = told.append
        await asyncio.gather(*(llm.complete(REQUEST) for _ in range(4)))
        await llm.complete(REQUEST)
        await llm.close()

    asyncio.run(main())
    assert len(told) == 1
    assert "takes no temperature" in told[0]
    assert said in told[0]


def test_a_text_that_is_refused_costs_no_option(server: ChatServer) -> None:
    """Also where its refusal names one: the next text is sent with all of them."""
    server.script.append(
        Reply(
            status=400,
            error="'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context "
            "length is 4096 tokens and your request has 500 input tokens (temperature, seed).",
        )
    )
    with pytest.raises(Unanswerable, match="maximum context"):
        ask(server)
    assert len(server.requests) == 1


def test_a_bound_that_is_too_large_is_not_dropped(server: ChatServer) -> None:
    server.script.append(Reply(status=400, error="max_tokens is too large: 4096. At most 2048."))
    with pytest.raises(Refused, match="At most 2048"):
        ask(server)
    assert len(server.requests) == 1


def test_what_a_refused_request_tried_counts_only_if_it_was_accepted(server: ChatServer) -> None:
    no = Reply(status=400, error="the temperature of sea water is no subject of mine")
    server.script.extend([no] * 2)

    async def main() -> None:
        llm = open_llm("openai:m", base_url=server.openai_url, timeout=PATIENCE)
        with pytest.raises(Refused):
            await llm.complete(REQUEST)
        await llm.complete(REQUEST)
        await llm.close()

    asyncio.run(main())
    assert server.requests[-1]["temperature"] == 0.5

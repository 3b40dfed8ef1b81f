"""One call of a provider against a server of the tests."""

from __future__ import annotations

import asyncio

from syneg_cli.llm import Answer, Request, Subject, open_llm
from tests.patience import PATIENCE
from tests.servers import ChatServer

KEY = "sk-test-0123456789"
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
REQUEST = Request(Subject("q1", "d1", "syneg"), (("user", "hello"),), schema=SCHEMA, temperature=0.5, seed=3)


def ask(
    server: ChatServer | str,
    request: Request = REQUEST,
    *,
    model: str = "m",
    timeout: float = PATIENCE,
    calls: int = 1,
) -> Answer:
    async def main() -> Answer:
        url = server if isinstance(server, str) else server.openai_url
        llm = open_llm(f"openai:{model}", base_url=url, timeout=timeout)
        try:
            for _ in range(calls):
                answer = await llm.complete(request)
            return answer
        finally:
            await llm.close()

    return asyncio.run(main())

"""`python -m tests.servers --latency 0.05`: a chat server in a process of its own; it prints its address."""

from __future__ import annotations

import argparse
import asyncio

from tests.servers.chat import ChatServer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    server = ChatServer(latency=parser.parse_args().latency)

    async def serve() -> None:
        await server.start(0)
        print(server.openai_url, flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()

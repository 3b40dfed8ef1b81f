"""Real HTTP servers on 127.0.0.1 that can misbehave: chat models, and the model hub.

    with ChatServer() as server:            # in a thread of this process
        OpenAI("m", base_url=server.openai_url, ...)

It speaks OpenAI's and Ollama's protocols. `server.script` holds replies for the next requests;
after them `server.respond` decides, by default with a good answer. `server.when(n, action)`
does something at the moment when n more answers are sent.
`python -m tests.servers --latency 0.05` serves from a process of its own.

    with EmbedServer() as server:           # as a chat server, and embeds

    with HubServer() as hub:                # HF_ENDPOINT=hub.url
        hub.repos["me/model"].files         # what was pushed

`hub.cut` breaks downloads off, `hub.lfs` has large files sent apart from the commit.
`odd.ODD` and `odd_ollama.ODD_OLLAMA` are servers with odd habits; test_odd_servers.py runs every command against them.
`with nobody() as url:` is an address where nothing answers.
"""

from __future__ import annotations

from tests.servers.chat import Body, ChatServer, Reply, good_reply, negatives_text, nobody, prompt_of
from tests.servers.embed import Embedded, EmbedServer
from tests.servers.hub import HubRepo, HubServer, git_hash

__all__ = [
    "Body",
    "ChatServer",
    "EmbedServer",
    "Embedded",
    "HubRepo",
    "HubServer",
    "Reply",
    "git_hash",
    "good_reply",
    "negatives_text",
    "nobody",
    "prompt_of",
]

"""Bodies of answers: packed ones are read, and none becomes larger than an answer can be."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.llm.bodies import PIECE, Unpacking
from tests.conftest import Cli
from tests.servers import ChatServer, Reply, good_reply

ways = pytest.mark.parametrize("how", ["", "gzip", "deflate"])
models = pytest.mark.parametrize("llm", ["openai:m", "ollama:llama3"])


def headers(how: str) -> dict[str, str]:
    return {"content-encoding": how} if how else {}


@models
@ways
def test_a_body_without_end_is_cut_off(
    cli: Cli, tiny: Path, llm: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed, a few kilobytes may become gigabytes."""
    monkeypatch.setattr("syneg_cli.llm.bodies.LARGEST_BODY", 2**20)
    with ChatServer(lambda body, number: Reply(raw="x" * 3 * 2**20, headers=headers(how))) as server:
        url = server.openai_url if llm == "openai:m" else server.url
        done = cli("generate", tiny, "--llm", llm, "--base-url", url, "--attempts", 1)
        assert done.code == 1
        assert "does not stop: more than 1 MB came for one answer" in done.err


@models
@ways
def test_answers_are_read_however_they_are_packed(cli: Cli, tiny: Path, llm: str, how: str) -> None:
    def packed(body: dict[str, Any], number: int) -> Reply:
        return replace(good_reply(body, number), headers=headers(how))

    with ChatServer(packed) as server:
        url = server.openai_url if llm == "openai:m" else server.url
        done = cli("generate", tiny, "--llm", llm, "--base-url", url, "--attempts", 1)
        assert done.code == 0, done.err


@models
def test_what_is_not_packed_as_it_says_is_a_broken_answer(cli: Cli, tiny: Path, llm: str) -> None:
    with ChatServer(lambda body, number: Reply(raw="plain", headers={"content-encoding": "gzip "})) as server:
        url = server.openai_url if llm == "openai:m" else server.url
        done = cli("generate", tiny, "--llm", llm, "--base-url", url, "--attempts", 1)
        assert done.code == 1
        assert "incorrect header check" in done.err or "decompressing" in done.err
        assert "unexpected" not in done.err


def test_what_is_packed_is_unpacked_in_pieces() -> None:
    text = b"".join(b"%d " % number for number in range(300_000))
    bare = zlib.compressobj(wbits=-15)
    for packed in (gzip.compress(text), zlib.compress(text), bare.compress(text) + bare.flush()):
        unpacked, step = Unpacking(), 70_000
        parts = [packed[start : start + step] for start in range(0, len(packed), step)]
        pieces = [piece for part in parts for piece in unpacked(part)]
        assert b"".join(pieces) == text
        assert max(map(len, pieces)) <= PIECE
    large = list(Unpacking()(gzip.compress(bytes(2**24))))
    assert sum(map(len, large)) == 2**24
    assert max(map(len, large)) <= PIECE

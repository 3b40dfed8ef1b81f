"""Lines of text files as others left them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from syneg_cli.core import SynegError, json_lines, text_lines

ONE, TWO = '{"a": 1}', '{"b": "\ufeffx"}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_joined_files_keep_their_marks_within(tmp_path: Path, encoding: str, packed: bool) -> None:
    """`cat a.jsonl b.jsonl`: the second file's byte order mark begins a line; within a text it is the text's."""
    mark = "\ufeff" if encoding == "utf-16" else ""
    parts = [f"{ONE}\r\n".encode(encoding), (mark + f"{TWO}\n").encode("utf-16-le" if mark else encoding)]
    path = tmp_path / "joined.jsonl"
    path.write_bytes(b"".join(gzip.compress(part) if packed and not mark else part for part in parts))
    assert list(json_lines(path, SynegError)) == [(1, {"a": 1}), (2, {"b": "\ufeffx"})]
    assert next(text_lines(path, SynegError)) == (1, ONE)

"""Whatever syneg.toml holds, its settings are shown, or a line says what is wrong with it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.stages.project import resolve, setting_keys
from tests.fuzz.commands import Project
from tests.fuzz.damage import WORDS, damaged
from tests.fuzz.test_files import ONE_IN_TEN, in_one_line, many

KEYS = st.sampled_from(
    [*setting_keys(), "dataset", "train", "mix.weights", "generate.lllm", "x", '"a b"', "'é'"]
)
VALUES: st.SearchStrategy[str] = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    WORDS.map(json.dumps),
    st.sampled_from(
        [
            "true",
            "[]",
            "{}",
            "[1, 'a']",
            '["dense", "bm25"]',
            "{ dense = 1, x = -1 }",
            "1979-05-27T07:32:00Z",
            "0.7",
            '"0.7 : 1"',
            "95",
            '"~nobody/x"',
            '"\\u0000"',
            '"""a\nb"""',
            "9" * 5000,
            "0x" + "f" * 5000,
            "1e400",
            "[" * 1500 + "]" * 1500,
            "{a=" * 800 + "1" + "}" * 800,
            '"' + "x" * 5000 + '"',
        ]
    ),
)
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS | KEYS.map(lambda key: key.rpartition(".")[2]), VALUES),
    st.sampled_from(
        ["dataset", "generate", "mine", "mix", "train", "eval", "verify", "mix.weights", "x"]
    ).map("[{}]".format),
    st.text(max_size=8),
    st.sampled_from(["# a comment", "[[train]]", "[", "= 1", "a.b.c = 1"]),
)


@st.composite
def project_files(draw: st.DrawFn) -> bytes:
    ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\x85"])
    text = "".join(line + draw(ends) for line in draw(st.lists(LINES, max_size=6)))
    pack = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    return damaged(draw, text.encode(pack, "replace"))


pytestmark = pytest.mark.slow


@many
@given(project_files(), ONE_IN_TEN)
def test_project_files(data: bytes, command: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name))
        file = project.folder / "syneg.toml"
        file.write_bytes(data)
        with in_one_line(project.folder):
            resolved = resolve(file=file, environ={})
            json.dumps(resolved.rows(), default=str).encode()
        if command:
            code, _ = project("status", "--show-config", named="syneg.toml")
            assert code in (0, 2)

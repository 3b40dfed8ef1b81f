"""Whatever a prompt file holds, it is a prompt, or a line says why it is none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.generation.prompt_files import SAMPLE, list_prompts, load_prompt
from tests.fuzz.commands import Project
from tests.fuzz.damage import WORDS, damaged
from tests.fuzz.test_files import ONE_IN_TEN, in_one_line, many

GOOD = [path.read_text(encoding="utf-8") for path in list_prompts().values()]
NAMES = st.sampled_from(
    ["query", "positive", "words", "n", "candidates", "relevance", "document", "negative", "loop", "x"]
)
EXPRESSIONS: st.SearchStrategy[str] = st.recursive(
    NAMES
    | st.sampled_from(
        ["1", "0", "'a'", "[]", "{}", "none", "query.x", "range(9)", "9 ** 9", "n / 0", "lipsum()"]
    ),
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format,
            inner,
            st.sampled_from(["+", "-", "*", "/", "%", "~", "and", "in", "<"]),
            inner,
        ),
        st.builds(
            "{}|{}".format,
            inner,
            st.sampled_from(
                [
                    "length",
                    "int",
                    "upper",
                    "first",
                    "tojson",
                    "xyz",
                    "join(',')",
                    "indent(2)",
                    "truncate(5)",
                    "sum",
                    "sort",
                    "float",
                    "round",
                    "batch(2)",
                    "format",
                    "list",
                ]
            ),
        ),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("{}.{}".format, inner, st.sampled_from(["__class__", "upper()", "x", "format"])),
    ),
    max_leaves=4,
)
PIECES = st.one_of(
    st.sampled_from(GOOD),
    st.just('\n{{ query }} {{ positive }}\n{"negatives": [{"document": "..."}]}'),
    EXPRESSIONS.map("{{{{ {} }}}}".format),
    st.builds(
        "{{% for x in {} %}}{}{{% endfor %}}".format, EXPRESSIONS, EXPRESSIONS.map("{{{{ {} }}}}".format)
    ),
    st.builds("{{% if {} %}}a{{% endif %}}".format, EXPRESSIONS),
    st.builds("{{% set {} = {} %}}".format, NAMES, EXPRESSIONS),
    st.sampled_from(
        [
            "{% include 'x' %}",
            "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
            "{% for x in query recursive %}{{ loop(query) }}{% endfor %}",
            "{% block b %}{% endblock %}",
            "{% extends 'x' %}",
            "{# a comment #}",
            "{% raw %}{{{% endraw %}",
            "{{",
            "{%",
            "}}",
            "{" * 300,
            "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
            "{{ " + "not " * 2000 + "1 }}",
            "{{ " + "[" * 90 + "]" * 90 + " }}",
            "{{ " + "-" * 3000 + "1 }}",
            "{% if query %}" * 120 + "{% endif %}" * 120,
            "{% for x in query %}" * 25 + "{% endfor %}" * 25,
            '{"negatives": 3}',
            '{"query": "..."}',
            '{"relevant": true}',
            '{"a":' * 400,
            "{{ 'a' * 10000000000 }}",
            "{{ 9 ** 9 ** 9 }}",
            "{{ 10 ** 5000 }}",
        ]
    ),
    WORDS,
)


@st.composite
def prompts(draw: st.DrawFn) -> bytes:
    text = "".join(draw(st.lists(PIECES, max_size=4)))
    return damaged(
        draw, text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])), "replace")
    )


pytestmark = pytest.mark.slow


@many
@given(prompts(), ONE_IN_TEN)
def test_prompts(data: bytes, command: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name))
        file = project.folder / "prompts" / "own.txt"
        file.parent.mkdir()
        file.write_bytes(data)
        with in_one_line(project.folder):
            prompt = load_prompt("own", project.folder)
            odd = {key: "" if isinstance(value, str) else value for key, value in SAMPLE[prompt.kind].items()}
            for values in (SAMPLE[prompt.kind], odd, dict.fromkeys(odd, "{{ x }}")):
                prompt.render(**values).encode()
            prompt.in_characters.render(**odd)
            prompt.schema(n=2)
        if command:
            project("prompts", "show", "own", named="own.txt")

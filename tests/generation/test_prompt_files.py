"""Prompt files: found, checked with file and line, rendered safely; schemas read from their examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core.errors import PromptError
from syneg_cli.generation.answer_schema import answer_example, answer_schema
from syneg_cli.generation.prompt_files import (
    JUDGEMENT,
    NEGATIVES,
    QUERIES,
    QUERY,
    REWRITES,
    SAMPLE,
    check_prompt,
    list_prompts,
    load_prompt,
)
from tests.conftest import Cli

EXAMPLE = '{"negatives": [{"title": "...", "document": "..."}]}'
SOURCE = "Query: {{ query }}\nPositive: {{ positive }}\n"
OURS = {
    "judge": JUDGEMENT,
    "judge-graded": JUDGEMENT,
    "mirror": NEGATIVES,
    "mirror-queries": QUERY,
    "no-attributes": NEGATIVES,
    "plain": NEGATIVES,
    "query": QUERIES,
    "requirements": NEGATIVES,
    "rewrite": NEGATIVES,
    "rewrite-query": REWRITES,
    "syneg": NEGATIVES,
}


def test_all_prompts_of_ours_are_found_and_sound() -> None:
    assert {name: load_prompt(name).kind for name in list_prompts()} == OURS


def test_the_ablations_leave_out_what_they_are_named_for() -> None:
    assert load_prompt("syneg").attributes == ("domain", "difficulty", "length")
    assert load_prompt("no-attributes").attributes == load_prompt("plain").attributes == ()
    assert "reflection" in load_prompt("no-attributes").example["negatives"][0]
    assert list(load_prompt("plain").example["negatives"][0]) == ["title", "document"]
    assert load_prompt("rewrite").needs_candidates
    assert not load_prompt("syneg").needs_candidates


def test_a_project_prompt_hides_ours_and_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    own = tmp_path / "prompts" / "syneg.txt"
    own.write_text(SOURCE + EXAMPLE, encoding="utf-8")
    assert load_prompt("syneg", tmp_path).path == own
    assert load_prompt(str(own)).source == SOURCE + EXAMPLE
    assert load_prompt("plain", tmp_path).name == "plain"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        (
            "{{ query }}\n{{ qury }}{{ positive }}\n" + EXAMPLE,
            2,
            "unknown variable 'qury'. Did you mean 'query'?",
        ),
        (
            "{{ query }}\n{% if n > 1 %}{{ doc }}{% endif %}{{ positive }}" + EXAMPLE,
            2,
            "unknown variable 'doc'",
        ),
        ("{{ query }}\n" + EXAMPLE, 2, "without using {{ positive }}"),
        ("{{ query }}\n{{ positive\n" + EXAMPLE, 3, ""),
        ("{{ query }}\n\n{% for x in candidates %}{{ positive }}", 3, ""),
        (SOURCE + "no example", 3, "no JSON example"),
        (SOURCE + '{"negatives": ["..."]}', 3, '"negatives" has to be a list of objects'),
        ("{{ query }} {{ positive }}\n{{ query.nothing.more }}\n" + EXAMPLE, 2, "no attribute 'nothing'"),
        ("{{ query }} {{ positive }}\n\n{{ query + 1 }}\n" + EXAMPLE, 3, ""),
    ],
)
def test_a_wrong_prompt_is_told_with_file_and_line(source: str, line: int, says: str) -> None:
    with pytest.raises(PromptError) as caught:
        check_prompt(Path("own.txt"), source)
    assert caught.value.message.startswith(f"own.txt, line {line}: ")
    assert says in caught.value.message


def test_an_unknown_prompt_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(PromptError, match="Did you mean 'mirror'"):
        load_prompt("miror")
    with pytest.raises(PromptError, match="asks for a judgement, and negatives is needed") as caught:
        load_prompt("judge", kind=NEGATIVES)
    assert "syneg" in str(caught.value.hint)


def test_the_sandbox_keeps_templates_from_python() -> None:
    with pytest.raises(PromptError, match="unsafe"):
        check_prompt(Path("own.txt"), SOURCE + "{{ query.__class__.__mro__ }}" + EXAMPLE)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_whatever_the_corpus_holds_arrives_unchanged(text: str) -> None:
    prompt = check_prompt(Path("own.txt"), "<q>{{ query }}</q><p>{{ positive }}</p>" + EXAMPLE)
    assert prompt.render(query=text, positive="{{ query }}{% endif %}") == (
        f"<q>{text}</q><p>{{{{ query }}}}{{% endif %}}</p>{EXAMPLE}"
    )


def test_the_schema_is_read_from_the_example() -> None:
    example = answer_example(
        'Some {"broken": text {"a": 1} and\n{"negatives": [{"type": "x | y", "ok": true}], "n": 1}'
    )
    assert example == {"negatives": [{"type": "x | y", "ok": True}], "n": 1}
    schema = answer_schema(example, n=3)
    item = schema["properties"]["negatives"]["items"]
    assert schema["required"] == ["negatives", "n"]
    assert schema["properties"]["negatives"]["minItems"] == schema["properties"]["negatives"]["maxItems"] == 3
    assert item["properties"] == {"type": {"type": "string", "enum": ["x", "y"]}, "ok": {"type": "boolean"}}
    assert item["additionalProperties"] is False
    assert answer_example("nothing {{ here }}") is None


def test_requirements_ask_for_one_of_the_six_types() -> None:
    item = load_prompt("requirements").schema(n=2)["properties"]["negatives"]["items"]
    assert len(item["properties"]["type"]["enum"]) == 6


def test_rewrite_shows_every_candidate() -> None:
    text = load_prompt("rewrite").render(**SAMPLE[NEGATIVES])
    assert '<candidate_document number="1">\nA mined document.' in text
    assert '<candidate_document number="2">\nAnother.' in text


def test_the_commands(cli: Cli, tiny: Path) -> None:
    listed = cli("prompts", "list", "--json")
    assert [row["name"] for row in listed.json["prompts"]] == sorted(OURS)  # type: ignore[attr-defined]
    assert cli("prompts", "show", "syneg").out == load_prompt("syneg").source
    assert cli("prompts", "check").code == 0
    rendered = cli("prompts", "render", "plain", "--dataset", tiny, "--query-id", "q2")
    assert "aspirin prevents heart attack" in rendered.out
    assert "Aspirin trial\nLow dose aspirin" in rendered.out
    assert cli("prompts", "render", "--dataset", tiny, "--query-id", "q9").code == 2


def test_check_finds_a_wrong_own_prompt(cli: Cli) -> None:
    Path("prompts").mkdir()
    Path("prompts/mine.txt").write_text("{{ query }}\n{{ wrong }}\n" + EXAMPLE)
    result = cli("prompts", "check")
    assert result.code == 2
    assert "mine.txt, line 2: unknown variable 'wrong'" in result.out
    assert "syneg: fine" in result.out


def test_a_wrong_prompt_stops_generate_before_the_first_call(cli: Cli, tiny: Path) -> None:
    Path("prompts").mkdir()
    Path("prompts/mine.txt").write_text("{{ query }}\n{{ wrong }}{{ positive }}\n" + EXAMPLE)
    result = cli("generate", tiny, "--llm", "ollama:nobody", "--prompt", "mine")
    assert result.code == 2
    assert "line 2: unknown variable 'wrong'" in result.err
    assert not Path(".syneg/generations.db").exists()

"""Prompt files: found, checked before anything is sent, and rendered.

A prompt is a Jinja2 text file that ends with a JSON example of the answer. What the example
holds decides what kind of prompt it is, and with that which variables it may use:

    "negatives": [...]   negatives   query, positive, relevance, domain, difficulty, length,
                                     words, n, and after `syneg mine` candidate, candidates
    "queries": [...]     queries     document, relevance, n, examples, user, form, length,
                                     specificity
    "rewrites": [...]    rewrites    query, document, relevance, negate
    "query": "..."       query       query, positive, relevance, negative
    "relevant": ...      judgement   query, relevance, document

Rendering is sandboxed and bounded (`prompt_bounds.py`), and an undefined variable is an error.
Values are data: text of the corpus that looks like a template is never run as one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import PromptError, did_you_mean, shipped_prompts, user_path, whole_text
from syneg_cli.generation.answer_schema import answer_example, answer_schema
from syneg_cli.generation.prompt_bounds import bounded, environment

if TYPE_CHECKING:
    from jinja2 import Template

NEGATIVES, QUERIES, REWRITES, QUERY, JUDGEMENT = "negatives", "queries", "rewrites", "query", "judgement"
ATTRIBUTES = {
    NEGATIVES: ("domain", "difficulty", "length"),
    QUERIES: ("user", "form", "length", "specificity"),
}
"""Kind -> the variables that are drawn from pools."""

SAMPLE: Mapping[str, Mapping[str, Any]] = {
    NEGATIVES: {
        "query": "a query",
        "positive": "A title\nA text.",
        "relevance": "what counts as relevant",
        "domain": "a field",
        "difficulty": "a level",
        "length": "about the same as",
        "words": 100,
        "n": 2,
        "candidate": "A mined document.",
        "candidates": ["A mined document.", "Another."],
    },
    QUERIES: {
        "document": "A title\nA text.",
        "relevance": "what counts as relevant",
        "n": 2,
        "examples": ["a query", "another"],
        "user": "somebody",
        "form": "a question",
        "length": "about ten words",
        "specificity": "about the main point",
    },
    REWRITES: {"query": "a query", "document": "A text.", "relevance": "...", "negate": True},
    QUERY: {"query": "a query", "positive": "A text.", "relevance": "...", "negative": "A text."},
    JUDGEMENT: {"query": "a query", "relevance": "...", "document": "A text."},
}
"""Kind -> its variables, with values for the trial rendering of the check."""

REQUIRED = {
    NEGATIVES: ("query", "positive"),
    QUERIES: ("document",),
    REWRITES: ("query",),
    QUERY: ("negative",),
    JUDGEMENT: ("query", "document"),
}
COUNTED = re.compile(r"(\{\{\s*words\s*\}\})\s+words\b")
SAID = 200
"""Characters of what a template raised: it may hold the whole text."""
TEMPLATE_HINT = "Correct that line; `syneg prompts check` tells whether a prompt is right."
EXAMPLE_HINT = (
    "End the prompt with one JSON object that shows the answer; `syneg prompts show syneg` has one."
)


@dataclass(frozen=True)
class Prompt:
    """A checked prompt file."""

    name: str
    path: Path
    source: str
    kind: str
    example: Mapping[str, Any]
    variables: frozenset[str]

    def render(self, **values: Any) -> str:
        """The prompt with these values; those that it does not use are ignored.

        Raises:
            PromptError: the template fails on them; the message names file and line.
        """
        try:
            with bounded():
                return self._template.render(values)
        except Exception as error:  # a template can raise whatever Python can
            raise _wrong(self.path, _failing_line(error), error) from None

    def schema(self, *, n: int | None = None) -> dict[str, Any]:
        return answer_schema(self.example, n=n)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attribute pools that this prompt draws from."""
        return tuple(name for name in ATTRIBUTES.get(self.kind, ()) if name in self.variables)

    @property
    def needs_candidates(self) -> bool:
        return bool(self.variables & {"candidate", "candidates"})

    @cached_property
    def in_characters(self) -> Prompt:
        """The prompt for texts whose length is counted in characters."""
        return replace(self, source=COUNTED.sub(r"\1 characters", self.source))

    @cached_property
    def _template(self) -> Template:
        made = environment().from_string(self.source)
        made.globals = dict(made.globals)  # a chain of mappings, which every rendering would go through
        return made


def prompt_folders(project_folder: Path | None = None) -> tuple[Path, ...]:
    """Where prompts are looked for: the project's own folder first, then ours."""
    own = ((project_folder / "prompts").resolve(),) if project_folder is not None else ()
    return tuple(dict.fromkeys((*own, shipped_prompts())))


def list_prompts(project_folder: Path | None = None) -> dict[str, Path]:
    """Name -> file of every prompt; the project's own hide ours of the same name."""
    found: dict[str, Path] = {}
    for folder in prompt_folders(project_folder):
        for file in sorted(folder.glob("*.txt")):
            found.setdefault(file.stem, file)
    return dict(sorted(found.items()))


def load_prompt(name: str, project_folder: Path | None = None, *, kind: str | None = None) -> Prompt:
    """Find a prompt by name or by path (`own/prompt.txt`), and check it.

    Raises:
        PromptError: it is nowhere, cannot be read, is no valid template, uses an unknown
            variable or leaves out a needed one, shows no answer, or is not of `kind`.
    """
    known = list_prompts(project_folder)
    path = user_path(name) if name.endswith(".txt") else known.get(name)
    if path is None or not os.path.lexists(path):
        raise PromptError(
            f"No prompt {name!r}.{did_you_mean(name, list(known))}",
            hint=f"There are: {', '.join(known)}. An own one is a file prompts/NAME.txt beside syneg.toml.",
        )
    prompt = check_prompt(path, whole_text(path, PromptError))
    if kind is not None and prompt.kind != kind:
        raise PromptError(
            f"{path} asks for {_article(prompt.kind)}, and {_article(kind)} is needed here.",
            hint="Prompts of that kind: " + (", ".join(of_kind(known, kind)) or "none") + ".",
        )
    return prompt


@lru_cache(maxsize=16)  # one run loads its prompt several times
def check_prompt(path: Path, source: str) -> Prompt:
    """A prompt from its source, after every check that needs no data.

    Raises:
        PromptError: see `load_prompt`; the message names file and line.
    """
    from jinja2 import meta, nodes

    try:
        tree = environment().parse(source)
        used = meta.find_undeclared_variables(tree)
    except Exception as error:
        raise _wrong(path, _failing_line(error), error) from None
    example = answer_example(source)
    kind = _kind(example)
    if example is None or kind is None:
        raise PromptError(
            f"{path}, line {_last_line(source)}: no JSON example of the answer that holds "
            '"negatives", "queries", "rewrites", "query" or "relevant".',
            hint=EXAMPLE_HINT,
        )
    _check_example(path, source, kind, example)
    for node in tree.find_all(nodes.Name):
        if node.name in used and node.name not in SAMPLE[kind]:
            raise PromptError(
                f"{path}, line {node.lineno}: unknown variable {node.name!r}."
                + did_you_mean(node.name, list(SAMPLE[kind])),
                hint=f"A prompt for {_article(kind)} knows: {', '.join(SAMPLE[kind])}.",
            )
    for name in REQUIRED[kind]:
        if name not in used:
            raise PromptError(
                f"{path}, line {_last_line(source)}: the file ends without using {{{{ {name} }}}}.",
                hint=f"A prompt for {_article(kind)} has to show the model the {name}.",
            )
    prompt = Prompt(path.stem, path, source, kind, example, frozenset(used))
    prompt.render(**SAMPLE[kind])
    return prompt


def _kind(example: Mapping[str, Any] | None) -> str | None:
    keys = {
        "negatives": NEGATIVES,
        "queries": QUERIES,
        "rewrites": REWRITES,
        "relevant": JUDGEMENT,
        "query": QUERY,
    }
    return next((kind for key, kind in keys.items() if key in (example or {})), None)


def _check_example(path: Path, source: str, kind: str, example: Mapping[str, Any]) -> None:
    """Raises PromptError where a list shows nothing that an answer could be read from."""
    needed = {NEGATIVES: "document", QUERIES: "query", REWRITES: "query"}.get(kind)
    if needed is None:
        return
    items = example[kind]
    first = items[0] if isinstance(items, list) and items else None
    if (isinstance(first, dict) and needed in first) or (kind == QUERIES and isinstance(first, str)):
        return
    line = source[: source.rfind(f'"{kind}"')].count("\n") + 1
    texts = "texts, or of " if kind == QUERIES else ""
    raise PromptError(
        f'{path}, line {line}: "{kind}" has to be a list of {texts}objects with a "{needed}".',
        hint=EXAMPLE_HINT,
    )


def _wrong(path: Path, line: int, error: Exception) -> PromptError:
    """What a template raised, in one line."""
    if isinstance(error, RecursionError):
        said = "too deep: parts within one another, or a macro that calls itself"
    else:
        said = " ".join(str(getattr(error, "message", None) or error or type(error).__name__).split())
    return PromptError(f"{path}, line {line}: {said[:SAID].rstrip('.')}.", hint=TEMPLATE_HINT)


def _failing_line(error: BaseException) -> int:
    """The template's line, which Jinja2 writes into the traceback as that of `<template>`."""
    line, trace = getattr(error, "lineno", None) or 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _last_line(source: str) -> int:
    return max(1, len(source.splitlines()))


def _article(kind: str) -> str:
    return {QUERY: "a query", JUDGEMENT: "a judgement"}.get(kind, kind)


def of_kind(known: Mapping[str, Path], *kinds: str) -> list[str]:
    """The names of the prompts of these kinds, by what their examples hold; they are not checked."""
    found = []
    for name, path in known.items():
        try:
            if _kind(answer_example(path.read_text(encoding="utf-8"))) in kinds:
                found.append(name)
        except (OSError, UnicodeDecodeError):
            continue
    return found

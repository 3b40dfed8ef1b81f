"""What `syneg init` asks where somebody sits at a terminal."""

from __future__ import annotations

import sys

from syneg_cli.cli.output import Output
from syneg_cli.core import UsageError
from syneg_cli.llm import split_spec
from syneg_cli.stages import HALF

RELEVANCE = (
    "What counts as relevant in your data? One or two sentences, which the language model is shown; "
    "with Enter it is shown a general definition, and can tell less well what a negative is."
)


MODEL = (
    "Which language model shall write queries and negatives? openai:MODEL, ollama:MODEL or hf:FOLDER; "
    "with Enter you name it later, in syneg.toml."
)
BUDGET = "How many US dollars may it cost at most? Enter for no limit."


def can_ask(output: Output) -> bool:
    """Whether there is somebody to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not output.quiet and not output.as_json


def ask(output: Output, question: str) -> str | None:
    """The answer in one line; None where the input has ended."""
    output.note(question)
    try:
        return input("> ").strip()
    except EOFError:
        return None


def agrees(output: Output, question: str) -> bool:
    """Whether somebody is there and says yes."""
    return can_ask(output) and (ask(output, f"{question} (yes/no)") or "").lower() in ("y", "yes")


def ask_llm(output: Output, cap: float | None) -> tuple[str | None, float | None]:
    """(the language model, a cap in US dollars), each None where it is left open.

    Args:
        cap: what is known of it already; asked is only of what costs money.
    """
    llm = _model(output)
    costs = llm is not None and llm.startswith("openai:")
    return llm, _budget(output) if costs and cap is None else cap


def _model(output: Output) -> str | None:
    """A language model, as `PROVIDER:MODEL`; None for none."""
    while answer := ask(output, MODEL):
        try:
            split_spec(answer)
        except UsageError:
            output.note(f"{answer} names no model: give a provider and a model, such as ollama:llama3.")
        else:
            return answer
    return None


def _budget(output: Output) -> float | None:
    """A cap in US dollars; None for none."""
    while answer := ask(output, BUDGET):
        try:
            cap = float(answer.removeprefix("$"))
        except ValueError:
            cap = 0.0
        if 0 < cap < float("inf"):
            return cap
        output.note(f"{answer} is no sum: give a number above 0, such as 5.")
    return None


def ask_share(output: Output, lacking: str, other: str) -> float:
    """The share of the queries that shall be test, where only one of train and test is there; 0 for none."""
    question = (
        f"There is no {lacking} split. Which share of the {other} queries shall be test, the rest train? "
        f"Enter for {HALF}, 0 leaves them as they are."
    )
    while (answer := ask(output, question)) is not None:
        try:
            share = float(answer or HALF)
        except ValueError:
            share = -1.0
        if 0 <= share < 1:
            return share
        output.note(f"{answer} is no share: give a number from 0 to less than 1, such as {HALF}.")
    return 0.0

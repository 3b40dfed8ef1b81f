"""`judge`: a language model decides by the data set's relevance definition, and quotes its evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from syneg_cli.data import Dataset, folded
from syneg_cli.generation import Prompt, classify, read_object
from syneg_cli.llm import Answer, Asked, Request, Subject
from syneg_cli.verification.tools import Ask, Tools
from syneg_cli.verification.verdicts import Candidate, Check, NoVerdict, Verdict

JUDGE_TOKENS = 600
ELLIPSIS = re.compile(r"\.{3,}|…|\. \. \.")
UNCLEAR = "neither yes nor no"
HIGHEST = 3
"""Of the grades that a prompt may ask for, as TREC has them: 0 useless, 1 related, 2 relevant, 3 fully."""
NO_GRADE = f"no grade from 0 to {HIGHEST}"
NO_LETTERS = re.compile(r"[\W_]+")


def make(tools: Tools) -> Check:
    least = tools.settings.relevant_from
    return judge(tools.ask, tools.prompt(), tools.dataset, seed=tools.seed, relevant_from=least)


def judge(ask: Ask, prompt: Prompt, dataset: Dataset, *, seed: int = 0, relevant_from: int = 2) -> Check:
    """A check that asks about every negative.

    A prompt whose example has a number as "relevant" asks for a grade from 0 to 3; from `relevant_from`
    on it means relevant, and the score is the share of the highest.

    A "relevant" whose quotation is not in the document is no proof of relevance: it was made up.
    """

    def check(candidates: Sequence[Candidate]) -> list[Verdict | NoVerdict]:
        answers = ask(
            len(candidates),
            lambda index: judge_request(prompt, dataset, candidates[index], seed),
            classify_verdict,
        )
        least = relevant_from if is_graded(prompt) else None
        return [
            _verdict(answer, candidate.text, least)
            for answer, candidate in zip(answers, candidates, strict=True)
        ]

    return check


def classify_verdict(answer: Answer) -> str:
    """ "ok" if anything in a judge's answer can be used, else "truncated" or "unparsable"."""
    return classify(answer, key="relevant")


def is_graded(prompt: Prompt) -> bool:
    """Whether a judge's prompt asks for grades."""
    return type(prompt.example.get("relevant")) is int


def _verdict(answer: Asked, document: str, least: int | None) -> Verdict | NoVerdict:
    found = read_verdict(answer.response, document, least) if answer.response is not None else None
    return found or NoVerdict(answer.why or (UNCLEAR if least is None else NO_GRADE), answer.later)


def judge_request(prompt: Prompt, dataset: Dataset, candidate: Candidate, seed: int) -> Request:
    text = prompt.render(
        query=dataset.queries[candidate.query_id].text, document=candidate.text, relevance=dataset.relevance
    )
    return Request(
        subject=Subject(candidate.query_id, candidate.doc_id, prompt.name, candidate.number),
        messages=(("user", text),),
        schema=prompt.schema(),
        temperature=0.0,
        max_tokens=JUDGE_TOKENS,
        seed=seed,
    )


def read_verdict(response: str, document: str, relevant_from: int | None = None) -> Verdict | None:
    """What a judge says; None where it says nothing of the kind that was asked for.

    Args:
        relevant_from: the lowest grade that means relevant; None for a judge that says yes or no.
    """
    value, _ = read_object(response, "relevant")
    score = _said((value or {}).get("relevant"), graded=relevant_from is not None)
    if score is None:
        return None
    said = score * HIGHEST >= (relevant_from or HIGHEST)
    quotes = _texts((value or {}).get("evidence"))
    evidence = " ... ".join(quotes)
    if said and not _quoted(quotes, document):
        problem = f"not in the document: {evidence}" if evidence else "no evidence quoted"
        return Verdict(False, 0.0, problem, unquoted=True)
    return Verdict(said, score, evidence)


def _said(value: Any, *, graded: bool) -> float | None:
    """1.0 for yes and 0.0 for no, or a grade as a share of the highest; None for anything else."""
    text: Any = value.strip().lower() if isinstance(value, str) else value
    if not graded:
        known = {"true": True, "yes": True, "false": False, "no": False}
        said = known.get(text) if isinstance(text, str) else text
        return float(said) if isinstance(said, bool) else None
    if isinstance(text, str) and text in map(str, range(HIGHEST + 1)):
        text = int(text)
    whole = isinstance(text, (int, float)) and not isinstance(text, bool) and text in range(HIGHEST + 1)
    return text / HIGHEST if whole else None


def _texts(evidence: Any) -> list[str]:
    """What a model quotes: a text, or a list of them, possibly as objects."""
    if isinstance(evidence, dict):
        evidence = list(evidence.values())
    if isinstance(evidence, list):
        return [text for one in evidence for text in _texts(one)]
    return [evidence.strip()] if isinstance(evidence, str) and evidence.strip() else []


def _quoted(quotes: Sequence[str], document: str) -> bool:
    """Whether the document holds all pieces of the quotations, by their letters and digits.

    Pieces may be joined by an ellipsis, in brackets or not. Blanks, case, dashes, and which
    quotation marks are used do not matter: models set them as they like.
    """
    held = _letters(document)
    pieces = [letters for quote in quotes for piece in ELLIPSIS.split(quote) if (letters := _letters(piece))]
    return bool(pieces) and all(piece in held for piece in pieces)


def _letters(text: str) -> str:
    return NO_LETTERS.sub("", folded(text))

"""What is known beforehand about public data sets: what counts as relevant, and attribute pools.

SciFact's pools are the paper's (arXiv 2412.17250). For the paper's other four data sets it does
not print them; these are ours. Relevance definitions follow each data set's own annotation
guidelines, in our words.
"""

from __future__ import annotations

from dataclasses import dataclass

from syneg_cli.data.known_names import beir_name

DIFFICULTY = (
    "Foundational (Equivalent to Elementary and Middle School)",
    "Intermediate (High School and Undergraduate)",
)
LENGTH = ("approximately the same as", "nearly the same as")


@dataclass(frozen=True)
class Preset:
    """A definition of relevance, and the pools that a prompt's attributes are drawn from."""

    relevance: str
    domain: tuple[str, ...]
    difficulty: tuple[str, ...] = DIFFICULTY
    length: tuple[str, ...] = LENGTH
    refuting: bool = False
    """Whether evidence against a query makes a document relevant as evidence for it does."""


GENERIC = Preset(
    relevance=(
        "A document is relevant if it gives, wholly or in part, what the query asks for. "
        "A document that only shares the topic, the entities or the wording is not relevant."
    ),
    domain=("the subject of the query", "the field that the document comes from"),
)
EARLIER_DOMAIN = ("the subject of the query", "information retrieval", "technical writing", "library science")
"""`GENERIC.domain` up to 0.1.0: what was begun with it goes on with it, so that nothing is paid for twice."""

PRESETS = {
    "scifact": Preset(
        relevance=(
            "The query is a scientific claim. An abstract is relevant if its findings give evidence "
            "for the claim or against it: an abstract that refutes, negates or contradicts the claim is "
            "as relevant as one that supports it. An abstract on the same subject whose findings do not "
            "bear on whether the claim is true is not relevant."
        ),
        domain=(
            "Epidemiology",
            "Public Health",
            "Virology",
            "Biostatistics",
            "Healthcare Policy",
            "Infectious Diseases",
            "Bioinformatics",
            "Medical Research",
            "Pharmacology",
        ),
        refuting=True,
    ),
    "fiqa": Preset(
        relevance=(
            "The query is a question about personal finance or investing. A post is relevant if it "
            "answers the question, even in part or with an opinion; a post on the same financial subject "
            "that leaves the question open is not."
        ),
        domain=(
            "Personal Finance",
            "Investing",
            "Taxation",
            "Accounting",
            "Banking",
            "Insurance",
            "Real Estate",
            "Retirement Planning",
            "Corporate Finance",
        ),
    ),
    "quora": Preset(
        relevance=(
            "The query is a question, and documents are questions too. A document is relevant if it asks "
            "the same thing, so that one answer would serve both; a question on the same subject with "
            "another intent is not."
        ),
        domain=(
            "Everyday Life",
            "Technology",
            "Education",
            "Careers",
            "Health",
            "Relationships",
            "Science",
            "Travel",
            "History",
        ),
    ),
    "hotpotqa": Preset(
        relevance=(
            "The query is a question that needs facts from two articles. A passage is relevant if it "
            "states one of the facts needed for the answer; a passage on the same or a similar entity "
            "without such a fact is not."
        ),
        domain=(
            "History",
            "Geography",
            "Film and Television",
            "Music",
            "Sports",
            "Politics",
            "Literature",
            "Science",
            "Biography",
        ),
    ),
    "msmarco": Preset(
        relevance=(
            "The query is a web search. A passage is relevant if it answers the query by itself; a "
            "passage on the same subject that does not hold the answer is not."
        ),
        domain=(
            "Health",
            "Technology",
            "Law",
            "Business",
            "Food",
            "Geography",
            "Education",
            "Science",
            "Entertainment",
        ),
    ),
}

QUERIES_ARE_DOCUMENTS = ("arguana", "quora")


def has_preset(name: str) -> bool:
    """Whether a data set is known, by its folder's name."""
    return preset_for(name) is not GENERIC


def preset_for(name: str) -> Preset:
    """What is known of a data set by its folder's name (`beir_name`); `GENERIC` where nothing is."""
    return PRESETS.get(beir_name(name), GENERIC)


def refutation_counts(name: str, relevance: str) -> bool:
    """Whether it is known that evidence against a query counts as evidence for it does.

    Of a definition of the user's own it is not known, whatever words it has.
    """
    preset = preset_for(name)
    return preset.refuting and relevance == preset.relevance


def queries_are_documents(name: str) -> bool:
    """Whether a data set is known for queries that are documents under the same id, by its folder's name."""
    return beir_name(name) in QUERIES_ARE_DOCUMENTS

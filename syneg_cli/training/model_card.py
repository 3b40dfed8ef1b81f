"""The README.md of a model folder: what it is, what it learned from, how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syneg_cli.core import __version__, content_hash
from syneg_cli.encoding import read_card
from syneg_cli.mixing import asked, reached
from syneg_cli.training.settings import CROSS_ENCODER

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

CROSS_ENCODER_TAGS = ("sentence-transformers", "cross-encoder", "reranker", "syneg")
TAGS = ("sentence-transformers", "sentence-similarity", "feature-extraction", "dense", "syneg")


@dataclass(frozen=True)
class CardFacts:
    """What the card states; all of it was measured or resolved, nothing is typed in."""

    name: str
    base_model: str
    dataset: str
    strategy: str
    ratio: float | None
    """Synthetic : retrieved, as asked; None where there is none. `composition` has what came of it."""
    negatives: int
    composition: Mapping[str, float]
    """Source -> mean number of negatives per instance."""
    pairs: int
    llm: str | None
    prompt: str | None
    loss: str
    training: Mapping[str, Any]
    max_length: int | None
    similarity: str
    prompts: Mapping[str, str | None]
    command: str
    kind: str = "bi-encoder"
    mirrored: int = 0
    """Synthetic texts that train as the positives of queries of their own."""
    written: int = 0
    """Pairs whose query an LLM wrote; `pairs` counts them, too."""
    queries_by: str = ""
    weight: float = 1.0
    """What each of these counted in the loss."""


def model_card(facts: CardFacts) -> str:
    """Markdown with the YAML head that model hubs read."""
    from huggingface_hub import ModelCardData

    pairs = facts.kind == CROSS_ENCODER
    head = ModelCardData(
        base_model=_as_read_back(facts.base_model),
        datasets=[_as_read_back(facts.dataset)],
        library_name="sentence-transformers",
        pipeline_tag="text-ranking" if pairs else "sentence-similarity",
        tags=list(CROSS_ENCODER_TAGS if pairs else TAGS),
    )
    return f"---\n{head.to_yaml()}\n---\n{_body(facts)}"


def _body(facts: CardFacts) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("syneg_cli.training", ""),
        undefined=StrictUndefined,
        finalize=_in_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sources = ", ".join(f"{mean:.2f} {source}" for source, mean in facts.composition.items()) or "none"
    mixture = reached(facts.composition)
    wanted = None if facts.ratio is None else asked(facts.ratio)
    template = templates.get_template("model_card.md.jinja")
    return template.render(facts=facts, sources=sources, mixture=mixture, wanted=wanted, version=__version__)


def _in_one_line(value: object) -> str:
    """What the template puts in. A line break in a name starts no heading, table row or YAML head."""
    return " ".join(str(value).splitlines())


def _as_read_back(name: str) -> str:
    """A name as it comes back from YAML.

    YAML knows one more line break (U+0085), which it reads as a newline. Cards of earlier versions
    hold JSON, whose halves of characters beyond 16 bits YAML leaves apart.
    """
    return name.replace("\x85", "\n").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def with_metrics(card: str, name: str, dataset: str, split: str, metrics: Mapping[str, float]) -> str:
    """The card with these results in its `model-index`; earlier ones of the same split are replaced.

    A card without a YAML head, or with one that cannot be read, is left alone.
    """
    from huggingface_hub import EvalResult

    read = read_card(card)
    if read is None:
        return card
    dataset, split = _as_read_back(dataset), _as_read_back(split)
    new = [
        EvalResult(
            task_type="information-retrieval",
            task_name="Information Retrieval",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split=split,
            metric_type=metric,
            metric_value=round(float(value), 4),  # YAML writes a float of numpy's as a Python object
        )
        for metric, value in metrics.items()
    ]
    old = [result for result in read.data.get("eval_results", []) if _place(result) != (dataset, split)]
    read.data["model_name"], read.data["eval_results"] = _as_read_back(name), [*old, *new]
    return str(read)


def card_hash(card: bytes) -> str:
    """The hash of what a card says, but for the metrics that `with_metrics` notes in it."""
    text = card.decode("utf-8", "replace")
    read = read_card(text)
    if read is None:
        return content_hash(text)
    said: dict[str, Any] = read.data.to_dict()  # type: ignore[no-untyped-call]
    return content_hash([{key: said[key] for key in said if key != "model-index"}, read.text.strip()])


def _place(result: EvalResult) -> tuple[str, str | None] | None:
    """(data set, split) of a result; None for one of a part or a version of a data set."""
    if result.dataset_config is not None or result.dataset_revision is not None:
        return None
    return _as_read_back(str(result.dataset_type)), result.dataset_split

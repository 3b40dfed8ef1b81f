"""What is measured, and how the encoder runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from syneg_cli.core import Positive, Section, Text, setting
from syneg_cli.evaluation.metrics import METRICS, metric_name
from syneg_cli.evaluation.searching import Search, Source
from syneg_cli.evaluation.significance import MARGIN


def _with_commas(given: Any) -> Any:
    """A flag has several with commas, as papers list them; the project file has a list."""
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
        return given
    return tuple(part.strip() for one in given for part in one.split(",") if part.strip())


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


Metrics = Annotated[
    tuple[Annotated[str, AfterValidator(metric_name)], ...],
    BeforeValidator(_with_commas),
    Field(min_length=1),
    AfterValidator(_once),
]


class EvalSettings(Section):
    """Evaluation."""

    split: Text = setting("test", "Which judgements.", decides=False, values=("<split>",))
    metrics: Metrics = setting(
        tuple(METRICS),
        "What is shown, as ir-measures names it (nDCG@10, R@100, RR@10, AP@100, P@10, Success@1, Judged@10); "
        "systems are compared by the first.",
        metavar="NAMES",
        decides=False,
    )
    depth: Positive = setting(100, "First documents of a query that --rerank reads again.", decides=False)
    batch_size: Positive = setting(32, "Texts of 128 tokens in a batch.", decides=False)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "auto is bf16 where the processor has it, else fp32."
    )
    max_length: Positive | None = setting(
        None,
        "Tokens per text, of the model and of what it is compared with.",
        example="256",
        otherwise="each model's own",
    )
    lexical: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        0.0,
        "Hybrid search: what BM25's best document gets for its words, the others in proportion, beside a "
        "model's similarities; 0.5 is a start.",
    )
    expansion: Annotated[float, Field(ge=0, le=1)] = setting(
        0.0,
        "Document expansion: what share of a document's vector its queries have; 0.5 is a start.",
    )
    expansion_from: Source = setting(
        "written",
        "Which queries: LLM-written ones, those that train judges, or both (a document with judged ones has "
        "no others).",
    )
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)] = setting(
        MARGIN, "A mean difference that does not matter: surely within it is equivalent.", decides=False
    )

    @property
    def search(self) -> Search:
        """What models search with, beside their own vectors."""
        return Search(self.expansion, self.lexical, self.expansion_from if self.expansion else "written")

"""Better dense retrievers from LLM-written hard negatives.

    import syneg_cli as syneg

    data = syneg.load_dataset("scifact")
    written = syneg.generate(data, llm="ollama:llama3", n=2)
    mined = syneg.mine(data, "dense", backbone="minilm")
    mixed = syneg.mix(data, written, mined, strategy="hybrid", ratio=0.7)
    model = syneg.train("minilm", mixed, epochs=2)
    print(syneg.evaluate(model, data).against(syneg.evaluate("minilm", data)))

Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from syneg_cli.core import __version__

if TYPE_CHECKING:
    from syneg_cli.core import Printed, SynegError
    from syneg_cli.library import (
        Piloted,
        Study,
        TrainingSet,
        Written,
        WrittenQueries,
        evaluate,
        generate,
        import_documents,
        load_dataset,
        mine,
        mix,
        pilot,
        study,
        train,
        verify,
        with_queries,
        write_queries,
    )

__all__ = [
    "Piloted",
    "Printed",
    "Study",
    "SynegError",
    "TrainingSet",
    "Written",
    "WrittenQueries",
    "__version__",
    "evaluate",
    "generate",
    "import_documents",
    "load_dataset",
    "mine",
    "mix",
    "pilot",
    "study",
    "train",
    "verify",
    "with_queries",
    "write_queries",
]

_ELSEWHERE = {"SynegError": "syneg_cli.core.errors", "Printed": "syneg_cli.core.progress"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_ELSEWHERE.get(name, "syneg_cli.library")), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

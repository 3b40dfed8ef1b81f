"""Cross-encoders: models that score a query and a document read together, and have no vectors.

A model of this kind has a head for its scores. An encoder has none, so as a scorer it would be a
random one: what scores is refused where it is an encoder, and what encodes where it is a scorer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    PICKLED,
    PICKLED_HINT,
    WHOLE_HINT,
    BackboneError,
    NoProgress,
    Progress,
    SynegError,
    UsageError,
    damaged_file,
    hub_token,
    user_path,
    weigh,
)
from syneg_cli.encoding import hub
from syneg_cli.encoding.backbones import BACKBONES
from syneg_cli.encoding.loading import (
    find,
    has_pair_head,
    locate,
    need_tokenizer,
    scores_of_head,
    set_length,
    shown_name,
)

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import CrossEncoder

LONGEST = 512
"""Tokens of a pair that a new cross-encoder reads, where its encoder can."""

NO_HEAD_HINT = (
    "`syneg train --kind cross-encoder` makes one of it; or give a hub id such as "
    "cross-encoder/ms-marco-MiniLM-L6-v2."
)

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

SAMPLE = 64
"""Pairs, evenly spaced, that say how many letters a token has."""


def is_cross_encoder(name: str) -> bool:
    """Whether a model scores pairs; False for one that is not on this machine yet, or no model."""
    try:
        folder = find(name)
    except BackboneError:
        return False
    return folder is not None and has_pair_head(folder)


def load_cross_encoder(name: str, progress: Progress | None = None) -> CrossEncoder:
    """A cross-encoder by folder or hub id, in float32.

    Raises:
        BackboneError: it cannot be loaded, or it gives no single score of a pair.
    """
    place = str(user_path(name)) if user_path(name).is_dir() else name
    with (progress or NoProgress()).task(f"Loading {shown_name(name)}", None):
        loaded = None if name in BACKBONES else _load(name, place)
    if loaded is None or not _has_head(loaded):
        raise BackboneError(
            f"{name} is no cross-encoder: it has no head that scores pairs.",
            hint=NO_HEAD_HINT,
        )
    return loaded


def new_cross_encoder(
    name: str, *, seed: int, max_length: int | None = None, progress: Progress | None = None
) -> tuple[CrossEncoder, bool]:
    """(a cross-encoder to be trained, whether its head is a fresh one), in float32.

    Args:
        name: a cross-encoder, which is trained on, or an encoder by alias, folder or hub id, which
            gets a random head.
        seed: what that head is drawn with.
        max_length: tokens of a pair; by default the model's own, up to 512 with a fresh head.

    Raises:
        BackboneError: it cannot be found, fetched or loaded, or `max_length` is too long for it.
    """
    import torch

    folder = locate(name, progress=progress)
    need_no_classifier(name, folder)
    with (progress or NoProgress()).task(f"Loading {shown_name(name)}", None), torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _load(name, str(folder), num_labels=None if has_pair_head(folder) else 1)
    # What it is taught are logits, and a sigmoid would round the largest of them to the same 1.
    model.activation_fn = torch.nn.Identity()
    fresh = not _has_head(model)
    own = model.max_seq_length
    limit = max_length or (min(own or LONGEST, LONGEST) if fresh else None)
    set_length(model, name, limit, asked=max_length is not None, pairs=True)
    return model, fresh


def pair_scores(
    model: CrossEncoder,
    pairs: Sequence[tuple[str, str]],
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> np.ndarray:
    """(n,) float32 scores of (query, document) pairs, before any sigmoid; batched by length.

    Raises:
        SynegError: a score is not finite.
    """
    import numpy as np
    import torch

    letters = [len(query) + len(document) for query, document in pairs]
    order = sorted(range(len(pairs)), key=lambda row: -letters[row])
    scores = np.empty(len(pairs), dtype=np.float32)
    told, most = progress or NoProgress(), _letters_read(model, pairs) if progress else 1.0
    work = [min(own, most) for own in letters]
    done, of = 0.0, sum(work)
    with _without_autocast(model), told.task("Scoring pairs", len(pairs), "pairs") as advance:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            scores[rows] = model.predict(
                [pairs[row] for row in rows],
                batch_size=batch_size,
                show_progress_bar=False,
                activation_fn=torch.nn.Identity(),
            )
            done += sum(work[row] for row in rows)
            weigh(advance, done, of)  # the longest come first
            advance(len(rows))
    if not bool(np.isfinite(scores).all()):
        raise SynegError(
            "The cross-encoder gave scores that are not finite.", hint="Train it again, or give another one."
        )
    return scores


def _letters_read(model: CrossEncoder, pairs: Sequence[tuple[str, str]]) -> float:
    """About how many letters of a pair a model reads at most; infinitely many where it has no limit."""
    some = [pairs[row] for row in range(0, len(pairs), max(1, len(pairs) // SAMPLE))]
    limit = model.max_seq_length
    if not some or not limit:
        return float("inf")
    tokeniser: Any = model.tokenizer
    tokens = tokeniser([query for query, _ in some], [document for _, document in some], verbose=False)
    letters = sum(len(query) + len(document) for query, document in some)
    return max(1, letters) / sum(map(len, tokens["input_ids"])) * limit


@contextmanager
def _without_autocast(model: CrossEncoder) -> Iterator[None]:
    """While a model is trained in bf16, accelerate has that around its `forward`: rounded scores tie."""
    wrapped = model.__dict__.pop("forward", None)
    try:
        yield
    finally:
        if wrapped is not None:
            model.__dict__["forward"] = wrapped


def need_retriever(name: str) -> None:
    """Raises UsageError where what is to retrieve is a cross-encoder."""
    if is_cross_encoder(name):
        raise UsageError(
            f"{shown_name(name)} is a cross-encoder: it scores pairs of texts, and retrieves nothing.",
            hint=f"Give a retriever, and this one to it: `syneg eval --backbone minilm --rerank {name}`.",
        )


def need_cross_encoder(name: str) -> None:
    """Raises UsageError where what is to score pairs says of itself that it is an encoder, or classifies.

    A folder that does not say is looked at when it is loaded.
    """
    if not (name in BACKBONES or user_path(name).is_dir() or HUB_ID.fullmatch(name)):
        raise UsageError(
            f"{name!r} is no cross-encoder: it is neither a folder nor a hub id.", hint=NO_HEAD_HINT
        )
    folder = None if name in BACKBONES else find(name)
    says = folder is not None and (folder / "modules.json").is_file() and not has_pair_head(folder)
    if name in BACKBONES or says:
        raise UsageError(f"{shown_name(name)} is an encoder, and no cross-encoder.", hint=NO_HEAD_HINT)
    need_no_classifier(name, folder)


def _load(name: str, place: str, num_labels: int | None = None) -> CrossEncoder:
    import torch
    from sentence_transformers import CrossEncoder

    hub.quiet_libraries()
    options: dict[str, Any] = {"num_labels": num_labels} if num_labels else {}
    try:
        loaded: CrossEncoder = CrossEncoder(
            place,
            token=hub_token(),
            local_files_only=Path(place).is_dir(),
            model_kwargs={"dtype": torch.float32},
            **options,
        )
    except UnpicklingError as error:
        raise BackboneError(f"{name} cannot be loaded: {PICKLED}.", hint=PICKLED_HINT) from error
    except Exception as error:  # of safetensors, tokenizers, ...: each has its own
        folder = Path(place) if Path(place).is_dir() else hub.cached(name)
        if broken := folder and damaged_file(folder):
            told = f"The cross-encoder {name} cannot be loaded: {broken} is damaged."
            raise BackboneError(told, hint=WHOLE_HINT) from error
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"The cross-encoder {name!r} cannot be loaded: {said}",
            hint="Give a folder, or a hub id such as cross-encoder/ms-marco-MiniLM-L6-v2.",
        ) from error
    need_tokenizer(loaded, name)
    if loaded.num_labels != 1:
        raise _classifies(name, loaded.num_labels)
    return loaded


def need_no_classifier(name: str, folder: Path | None) -> None:
    """Raises BackboneError where a model folder says of itself that it gives several scores of a text."""
    if folder is not None and (scores := scores_of_head(folder)) > 1:
        raise _classifies(name, scores)


def _classifies(name: str, scores: int) -> BackboneError:
    return BackboneError(
        f"{name} gives {scores} scores of a pair: it classifies, and ranks nothing.",
        hint="Give a cross-encoder with one score, such as cross-encoder/ms-marco-MiniLM-L6-v2.",
    )


def _has_head(model: CrossEncoder) -> bool:
    """Whether the head came with the weights: transformers adds a random one to an encoder without."""
    from sentence_transformers.base.modules import Transformer

    if not isinstance(model[-1], Transformer):
        return True
    names = getattr(model.config, "architectures", None) or [""]
    return str(names[0]).endswith("ForSequenceClassification")

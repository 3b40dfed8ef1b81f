"""Tokens counted by the tokenizer of a backbone, without loading the model; by units where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syneg_cli.core import BackboneError, Progress, hub_token
from syneg_cli.data import ByUnits, Counter
from syneg_cli.encoding.backbones import BACKBONES
from syneg_cli.encoding.hub import first_line
from syneg_cli.encoding.loading import find, shown_name

TOKENIZER = "tokenizer.json"
BLOCK = 256
"""Texts that are counted at once: each token takes a hundred bytes meanwhile."""


class ByTokenizer:
    """Counts as a model reads."""

    def __init__(self, tokenizer: Any, name: str) -> None:
        self.name = name
        self.extra = int(tokenizer.num_special_tokens_to_add(False))
        self._tokenizer = tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the model's marks."""
        if len(texts) == 1:
            return [len(self._tokenizer.encode(texts[0], add_special_tokens=False))]
        blocks = (list(texts[start : start + BLOCK]) for start in range(0, len(texts), BLOCK))
        batches = (self._tokenizer.encode_batch(block, add_special_tokens=False) for block in blocks)
        return [len(one) for batch in batches for one in batch]


def token_counter(backbone: str, progress: Progress) -> Counter:
    """Counts tokens as a backbone does; where its tokenizer cannot be had, by units, and that is said.

    Raises:
        BackboneError: `backbone` is no alias, no model folder and no hub id.
    """
    folder = find(backbone)
    try:
        file = _in_folder(folder) if folder else _of_hub(_hub_id(backbone))
    except Exception as error:  # no network, no such model, no tokenizer in it
        return _by_units(backbone, first_line(error), progress)
    from tokenizers import Tokenizer

    try:
        return ByTokenizer(Tokenizer.from_file(str(file)), f"the tokenizer of {shown_name(backbone)}")
    except Exception as error:  # tokenizers raises bare Exceptions
        return _by_units(backbone, f"{file} cannot be read ({first_line(error)})", progress)


def _by_units(backbone: str, why: str, progress: Progress) -> Counter:
    counter = ByUnits()
    progress.warn(
        f"The tokenizer of {shown_name(backbone)} is not to be had ({why.rstrip('.')}): "
        f"a token is counted for each {counter.name}"
    )
    return counter


def _in_folder(folder: Path) -> Path:
    found = next(
        (one for one in (folder / TOKENIZER, *sorted(folder.glob(f"*/{TOKENIZER}"))) if one.is_file()), None
    )
    if found is None:
        raise BackboneError(f"its folder has no {TOKENIZER}")
    return found


def _hub_id(backbone: str) -> str:
    return BACKBONES[backbone].hub_id if backbone in BACKBONES else backbone


def _of_hub(name: str) -> Path:
    """The tokenizer alone, from the hub's cache or the hub; one request first says if that can be reached."""
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache

    kept = try_to_load_from_cache(name, TOKENIZER)
    if isinstance(kept, str):
        return Path(kept)
    token = hub_token()
    HfApi(token=token).model_info(name, timeout=10)
    return Path(hf_hub_download(name, TOKENIZER, token=token))

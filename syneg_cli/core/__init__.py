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
    hash_once,
    sync,
    sync_tree,
    write_bytes,
    write_jsonl,
    write_text,
)
from syneg_cli.core.locks import locked
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
    named,
)
from syneg_cli.core.resources import shipped_prompts
from syneg_cli.core.results import check_free, check_place, settle, staged, tidy
from syneg_cli.core.text import duration, money, near, printable
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
    "MARK",
    "SYNTHETIC",
    "TEXT",
    "About",
    "Advance",
    "BackboneError",
    "BadResponse",
    "BudgetExceeded",
    "DatasetError",
    "Diverged",
    "HubError",
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
    "check_free",
    "check_place",
    "content_hash",
    "did_you_mean",
    "digest",
    "duration",
    "field_names",
    "file_hash",
    "generator",
    "hash_once",
    "instead",
    "is_damaged",
    "is_parquet",
    "joined",
    "json_lines",
    "leave",
    "listed",
    "locked",
    "manifest_path",
    "mended_value",
    "money",
    "named",
    "names_beside",
    "near",
    "nearest",
    "pick",
    "printable",
    "proxy_for",
    "proxy_of",
    "read_instances",
    "read_jsonl",
    "read_manifest",
    "read_mined",
    "read_synthetic",
    "read_verifications",
    "setting",
    "settle",
    "shipped_prompts",
    "staged",
    "stale_reason",
    "stream",
    "sync",
    "sync_tree",
    "text_lines",
    "tidy",
    "world",
    "write_bytes",
    "write_instances",
    "write_jsonl",
    "write_manifest",
    "write_negatives",
    "write_text",
]


def __getattr__(name: str) -> Any:
    """The base of settings is loaded on first use: pydantic takes most of the time of `syneg --help`."""
    if name in __all__:
        from syneg_cli.core import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

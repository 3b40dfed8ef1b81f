"""Data sets of the Hugging Face hub: which of a repository's files are corpus, queries and judgements.

The files are downloaded as they are; no script of a repository runs. BeIR keeps judgements in a repository
of their own (`BeIR/scifact-qrels`), MTEB in a configuration called `default` or `qrels`; one with several
languages calls its parts `de-corpus`, `de-queries` and `de-qrels`, and `hub:OWNER/NAME/de` means these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Progress, UsageError, hub_token, proxy_of, user_path, write_text
from syneg_cli.data.layout import JUDGEMENTS, PART, SPLIT_NAMES, TABLES

HUB = "hub:"
FILES = tuple(dict.fromkeys((*TABLES, *JUDGEMENTS, *(f"{ending}.gz" for ending in JUDGEMENTS))))
FOLDERS_OF_JUDGEMENTS = ("qrels", "default", "data")
NAMED = re.compile(r"(?:(.+)-)?(corpus|queries|qrels|default)")


@dataclass
class Files:
    """The files of a data set, by what they hold."""

    corpus: list[Path] = field(default_factory=list)
    queries: list[Path] = field(default_factory=list)
    qrels: dict[str, list[Path]] = field(default_factory=dict)


def hub_files(name: str, progress: Progress) -> tuple[Files, str]:
    """(files on disk, the revision or folder they are of) of a data set of the hub, or of a clone of one.

    Args:
        name: `OWNER/NAME`, `OWNER/NAME/PART`, or a folder.

    Raises:
        DatasetError: there is no such data set, it has no corpus, or the hub cannot be reached.
    """
    clone = user_path(name)
    if name and clone.is_dir():
        return _sorted_out(clone, name, ""), str(clone.resolve())
    owner, slash, rest = name.partition("/")
    rest, _, part = rest.partition("/")
    if not slash or not rest:
        raise UsageError(
            f"{HUB}{name} names no data set.", hint=f"Give {HUB}OWNER/NAME, as in {HUB}BeIR/scifact."
        )
    repo = f"{owner}/{rest}"
    folder, revision = _fetched(repo, progress)
    files = _sorted_out(folder, repo, part)
    if not files.qrels:
        try:
            beside, other = _fetched(f"{repo}-qrels", progress)
        except _Missing:
            progress.note(f"{repo} has no judgements, and there is no {repo}-qrels")
        else:
            files.qrels = _sorted_out(beside, f"{repo}-qrels", part, corpus=False).qrels
            revision = f"{revision} {other}"
    return files, revision


class _Missing(DatasetError):
    """The hub has no such data set."""


def _fetched(repo: str, progress: Progress) -> tuple[Path, str]:
    """(snapshot, revision) of a repository; where the hub cannot be reached, what was downloaded before."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

    patterns = [f"*{ending}" for ending in FILES] + ["README.md"]
    token = hub_token()
    try:
        info = HfApi(token=token).dataset_info(repo, files_metadata=True, timeout=10)
        total = sum(one.size or 0 for one in info.siblings or () if one.rfilename.endswith(FILES)) / 1e6
        progress.note(f"Downloading {repo} ({total:,.1f} MB) into the hub's cache")
        got = snapshot_download(
            repo, repo_type="dataset", revision=info.sha, allow_patterns=patterns, token=token
        )
        # Only now that it is complete: without a network, what `main` points to is taken.
        refs = Path(got).parents[1] / "refs"
        refs.mkdir(exist_ok=True)
        write_text(refs / "main", Path(got).name)
    except (RepositoryNotFoundError, HFValidationError):
        raise _Missing(
            f"The hub has no data set {repo}, or it is private.",
            hint="Check the name; set HF_TOKEN for a private one.",
        ) from None
    except Exception as error:  # the HTTP client's own errors differ by version of the hub library
        try:
            got = snapshot_download(repo, repo_type="dataset", allow_patterns=patterns, local_files_only=True)
        except LocalEntryNotFoundError:
            raise _unreachable(repo, error) from error
        progress.warn(f"The hub cannot be reached: {repo} is taken as it was downloaded before")
    return Path(got), Path(got).name


def _unreachable(repo: str, error: Exception) -> DatasetError:
    from huggingface_hub.constants import ENDPOINT

    proxy = proxy_of(ENDPOINT) if getattr(error, "response", None) is None else None
    way = f" through the proxy {proxy}" if proxy else ""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DatasetError(
        f"{repo} could not be downloaded from the hub{way}: {said}",
        hint=proxy.remedy if proxy else "Check the network and HF_HUB_OFFLINE; what was downloaded is kept.",
    )


def _sorted_out(folder: Path, name: str, part: str, *, corpus: bool = True) -> Files:
    """By the configurations of its card, else by how files and folders are called."""
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name.endswith(FILES)
    )
    visible = [one for one in names if not any(step.startswith(".") for step in one.split("/"))]
    found: dict[str, dict[str, list[str]]] = {}
    for where, kind, split, file in [*_of_card(folder, visible)] or [*_by_name(visible)]:
        chosen = found.setdefault(where, {}).setdefault(kind if kind != "qrels" else f"qrels {split}", [])
        chosen.append(file)
    parts = [one for one, kinds in found.items() if "corpus" in kinds or not corpus]
    if part not in parts and (corpus or part):
        several = f" It holds several: give {HUB}{name}/PART with {', '.join(parts)}." if any(parts) else ""
        raise DatasetError(
            f"{name} has no corpus{f' called {part}' if part else ''}.",
            hint=several.strip() or "A data set for retrieval has a corpus, queries and qrels.",
        )
    kinds = found.get(part, {})
    qrels = {kind.partition(" ")[2]: files for kind, files in kinds.items() if kind.startswith("qrels ")}
    return Files(
        [folder / one for one in kinds.get("corpus", ())],
        [folder / one for one in kinds.get("queries", ())],
        {split: [folder / one for one in files] for split, files in qrels.items()},
    )


def _of_card(folder: Path, names: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """(part, kind, split, file) as the card's configurations say."""
    from huggingface_hub.repocard import metadata_load

    card = folder / "README.md"
    try:
        about: Any = metadata_load(card) if card.is_file() else None
    except Exception:  # a card that is no YAML: names say the rest
        about = None
    configs = about.get("configs") if isinstance(about, Mapping) else None
    found = []
    for config in configs if isinstance(configs, list) else ():
        named = NAMED.fullmatch(str(config.get("config_name", ""))) if isinstance(config, Mapping) else None
        if named is None:
            continue
        kind = "qrels" if named[2] == "default" else named[2]
        for split, pattern in _patterns(config.get("data_files")):
            known = SPLIT_NAMES.get(split.lower(), split.lower())
            found += [(named[1] or "", kind, known, one) for one in names if fnmatch(one, pattern)]
    return found if any(kind == "corpus" for _, kind, _, _ in found) else []


def _patterns(given: Any) -> list[tuple[str, str]]:
    """(split, pattern) of a configuration's `data_files`: a text, a list of them, or of splits with paths."""
    found: list[tuple[str, str]] = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, Mapping):
            paths = one.get("path")
            found += [
                (str(one.get("split")), str(path)) for path in (paths if isinstance(paths, list) else [paths])
            ]
        elif one is not None:
            found.append((_split(str(one)), str(one)))
    return found


def _by_name(names: Sequence[str]) -> list[tuple[str, str, str, str]]:
    found = []
    for name in names:
        top, slash, _ = name.partition("/")
        stem = top if slash else _bare(top)
        named = NAMED.fullmatch(stem)
        if named and named[2] in ("corpus", "queries"):
            found.append((named[1] or "", named[2], "", name))
        elif (named or top in FOLDERS_OF_JUDGEMENTS or not slash) and name.endswith(_judging()):
            found.append((named[1] or "" if named else "", "qrels", _split(name), name))
    return found


def _judging() -> tuple[str, ...]:
    return tuple(f"{ending}{packed}" for ending in (".tsv", ".jsonl", ".parquet") for packed in ("", ".gz"))


def _split(name: str) -> str:
    """`qrels/test-00000-of-00001.parquet` -> test."""
    bare = _bare(name.rpartition("/")[2])
    part = PART.fullmatch(bare)
    word = (part[1] if part else bare).lower()
    return SPLIT_NAMES.get(word, word)


def _bare(file: str) -> str:
    ending = max((one for one in FILES if file.endswith(one)), key=len, default="")
    return file.removesuffix(ending)

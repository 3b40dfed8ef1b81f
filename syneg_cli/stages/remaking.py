"""Which command made an artefact: the hint for whoever finds it damaged."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syneg_cli.core import Manifest
from syneg_cli.stages.project import flag_of
from syneg_cli.stages.session import Session

SECTIONS = {
    "generate": "generate",
    "mirror-queries": "generate",
    "mine": "mine",
    "mix": "mix",
    "train": "train",
}
"""Stage -> the section whose settings decide what it makes, of stages that make several of a kind."""

COMMANDS = {"mirror-queries": "generate", "pilot": "generate", "placebo": "study", "soup": "study"}
"""Stage -> its command, where that is called otherwise."""


def remake(session: Session, path: Path, manifest: Manifest) -> str:
    """The hint that names the command which makes an artefact again as it was.

    Its options are the settings that the project does not have anyway.
    """
    command = COMMANDS.get(manifest.stage, manifest.stage)
    read = _read(session, manifest) if manifest.stage == "mix" else ()
    return session.again(command, *_named(path, manifest), *read, *_differing(session, manifest))


def _named(path: Path, manifest: Manifest) -> Iterator[str]:
    """Which of several artefacts of its kind it is."""
    settings = manifest.settings
    if manifest.stage == "mine" and "miner" in settings:
        yield f"--miner {shlex.quote(str(settings['miner']))}"
    if manifest.stage in ("generate", "mirror-queries"):
        yield f"--name {shlex.quote(path.stem.removesuffix('.mirror').partition('.shard-')[0])}"
    if manifest.stage == "mix" and path.stem != settings.get("strategy"):
        yield f"--name {shlex.quote(path.stem)}"
    if manifest.stage == "train":
        yield f"--output {shlex.quote(path.name)}"
        if "mix" in settings:
            yield f"--mixed {shlex.quote(str(settings['mix']))}"


def _read(session: Session, manifest: Manifest) -> Iterator[str]:
    """What a mix was made from."""
    miners = [role.removesuffix(" negatives") for role in manifest.paths if role.endswith(" negatives")]
    if miners != [*session.project.mine.miners] or session.named("mine.miners"):
        yield from (f"--miner {shlex.quote(miner)}" for miner in miners)
    for role, flag in (("mirror", "--mirror"), ("imported", "--from")):
        if role in manifest.paths:
            yield f"{flag} {shlex.quote(manifest.paths[role])}"
    if "synthetic" in manifest.paths:
        yield f"--synthetic {shlex.quote(Path(manifest.paths['synthetic']).stem)}"


def _differing(session: Session, manifest: Manifest) -> Iterator[str]:
    section = SECTIONS.get(manifest.stage)
    own = getattr(session.project, section).model_dump(mode="json") if section else {}
    for key, here in own.items():
        made = manifest.settings.get(key)
        if key == "distil" and not any(map(manifest.settings.get, ("cross_encoder", "lexical"))):
            continue  # there was nothing that it could weigh
        if made is None or (made == here and not session.named(f"{section}.{key}")):
            continue
        yield from _options(f"{section}.{key}", made)


def _options(key: str, value: Any) -> Iterator[str]:
    if value is False:
        yield f"--set {key}=false"
    elif value is True:
        yield flag_of(key)
    elif isinstance(value, list):
        yield from (f"{flag_of(key)} {shlex.quote(str(one))}" for one in value)
    else:
        yield f"{flag_of(key)} {shlex.quote(str(value))}"

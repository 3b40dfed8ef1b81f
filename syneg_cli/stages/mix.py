"""mix: synthetic and mined negatives -> training instances."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    Manifest,
    MinedNegative,
    MissingArtifact,
    SyntheticNegative,
    UsageError,
    changed_since,
    file_hash,
    manifest_path,
    near,
    need_file,
    read_manifest,
    read_mined,
    read_synthetic,
    read_verifications,
    write_instances,
)
from syneg_cli.data import Dataset
from syneg_cli.mining import MINERS
from syneg_cli.mixing import (
    FEW,
    STRATEGIES,
    Imported,
    Mixed,
    OwnQuery,
    asked,
    check_strategy,
    misses,
    mix_negatives,
    reached,
    reached_share,
    read_imported,
    read_mirror,
    short_of_synthetic,
)
from syneg_cli.stages.absent import absent
from syneg_cli.stages.mine import mined_path
from syneg_cli.stages.session import Session
from syneg_cli.stages.settings import Project
from syneg_cli.stages.stage import Made, Plan, Stage, never_negatives
from syneg_cli.verification import applied

ROUNDS = 8
NAMED = {"synthetic": "synthetic negatives", "mirror": "own queries", "imported": "negatives of yours"}


@dataclass(frozen=True)
class Source:
    """A file that the mix reads, and what is said of it where it is missing: (where to look, what to do)."""

    path: Path
    lacking: Callable[[], tuple[str, str]]


@dataclass(frozen=True)
class MixedRecord:
    """What was mixed and from what settings, for people."""

    mixed: Mixed
    settings: Mapping[str, Any]
    imported: Imported | None
    written: int = 0
    """Pairs whose query an LLM wrote."""


class Mix(Stage):
    """Training instances from the negatives of the project."""

    name = "mix"
    follows = True
    named_by = "--name"

    def __init__(self, session: Session, dataset: Dataset) -> None:
        super().__init__(session, dataset)
        self.settings = self.project.mix
        self.strategy = check_strategy(self.settings.strategy)

    def plan(self) -> Plan:
        files = self.sources()
        for role, source in files.items():
            if role in ("mirror", "imported") and os.path.lexists(source.path):
                need_file(source.path, MissingArtifact, hint="Name another file.")
            if not source.path.is_file():
                meant, hint = source.lacking()
                what = NAMED.get(role, role)
                raise MissingArtifact(
                    f"There are no {what} of {self.dataset.name} yet ({source.path}).{meant}", hint=hint
                )
        inputs = self.dataset.inputs("train")
        inputs |= {role: file_hash(source.path) for role, source in files.items()}
        verdicts = self._verdicts(files)
        for role, file in verdicts.items():
            inputs[f"verdicts on {role}"] = file_hash(file)
        settings = self.settings.deciding() | {"rounds": self._rounds()}
        before: dict[str, str] = {}
        if set(files) - {"synthetic", "mirror"}:  # documents of the corpus as negatives
            ids, before = never_negatives(self.dataset, "train")
            settings |= ids
        path = self.workspace.mixed(mixed_name(self.session))
        reads = [source.path for source in files.values()] + [*verdicts.values()]
        return Plan(self.name, path, inputs, settings, before, reads)

    def run(self, plan: Plan, to: Path) -> Made:
        files = self.sources()
        self._tell_of_old_verdicts(files)
        self._tell_of_edits(files)
        told, file = self.session.progress.warn, files.get("imported")
        imported = read_imported(file.path, self.dataset, told) if file else None
        mixed = self._mix(files, imported)
        written = sum(one.query_id in self.dataset.synthetic for one in mixed.instances)
        counts = mixed.counts() | {"written_queries": written}
        self._tell_of_missing(mixed)
        if imported is not None:
            left = ("held_out", "set_aside", "kept_out", "contradicted")
            counts |= {name: getattr(imported, name) for name in left}
        write_instances(to, mixed.instances)
        paths = {role: str(source.path) for role, source in files.items()}
        return Made(counts, MixedRecord(mixed, plan.settings, imported, written), paths=paths)

    def sources(self) -> dict[str, Source]:
        """Role -> file: "synthetic", "mirror", "imported", and "<miner> negatives"."""
        reads_synthetic, reads_retrieved = self.strategy.reads(self.settings.negatives)
        files: dict[str, Source] = {}
        if reads_synthetic:
            path = self.workspace.synthetic(self.project.generate.name)
            named = self.session.named("generate.name")

            def make(name: str) -> str:
                return self.session.again("generate", *(("--name", name) if named else ()))

            files["synthetic"] = Source(path, partial(absent, path, "--synthetic NAME", make))
        if self.strategy.mirrors and self.settings.mirror:
            files["mirror"] = self._given("--mirror", self.settings.mirror)
        if self.settings.file:
            files["imported"] = self._given("--from", self.settings.file)
        elif reads_retrieved:
            for miner in self.project.mine.miners:
                path = mined_path(self.workspace, miner)
                mine = partial(self.session.again, "mine", "--miner")
                files[f"{miner} negatives"] = Source(path, partial(absent, path, "--miner", mine, MINERS))
        return files

    def short(self) -> tuple[int, int] | None:
        """(pairs with a synthetic negative, pairs) where `run` would refuse them as too few; None else.

        It is known before anything is mined.
        """
        files = {role: source for role, source in self.sources().items() if source.path.is_file()}
        if "synthetic" not in files:
            return None
        synthetic, file = self._synthetic(files), files.get("imported")
        imported = read_imported(file.path, self.dataset, lambda said: None) if file else None
        return short_of_synthetic(self.dataset, synthetic, self.settings, imported)

    def _synthetic(self, files: Mapping[str, Source]) -> list[SyntheticNegative]:
        """The synthetic negatives as `verify` left them."""
        file = self._verdicts(files).get("synthetic")
        found = read_verifications(file) if file else []
        return applied(read_synthetic(files["synthetic"].path, known=self.dataset.known), found)

    def _given(self, flag: str, named: str) -> Source:
        """A file of the user's own; where it is missing no stage makes it."""
        path = self.session.given(named)

        def lacking() -> tuple[str, str]:
            raise UsageError(f"{flag}: {named} is not there.", hint=f"Name another file with {flag}.")

        return Source(path, lacking)

    def _mix(self, files: Mapping[str, Source], imported: Imported | None) -> Mixed:
        verdicts = self._verdicts(files)
        synthetic = self._synthetic(files) if "synthetic" in files else []
        mined: list[MinedNegative] = []
        for role, source in files.items():
            if role.endswith(" negatives"):
                found = read_verifications(verdicts[role]) if role in verdicts else []
                mined += applied(read_mined(source.path, known=self.dataset.known), found)
        mirror: list[OwnQuery] = read_mirror(files["mirror"].path) if "mirror" in files else []
        return mix_negatives(
            self.dataset,
            synthetic,
            mined,
            self.settings,
            rounds=self._rounds(),
            imported=imported,
            mirror=mirror,
        )

    def _verdicts(self, files: Mapping[str, Source]) -> dict[str, Path]:
        """Role -> what `verify` found out about that file, as long as it is the same file."""
        return {role: path for role, path, current in self._all_verdicts(files) if current}

    def _tell_of_edits(self, files: Mapping[str, Source]) -> None:
        """A file that was cut at the end of a line cannot be told from one that was edited: both are said."""
        for source in files.values():
            manifest = read_manifest(source.path)
            if manifest is not None and changed_since(source.path, manifest):
                self.session.progress.warn(
                    f"{near(source.path)} was changed since it was made, and is mixed as it is"
                )

    def _tell_of_old_verdicts(self, files: Mapping[str, Source]) -> None:
        for role, path, current in self._all_verdicts(files):
            if not current:
                self.session.progress.warn(
                    f"{role}: the verdicts in {path} are on an earlier file and are not used; "
                    "run `syneg verify` again for new ones"
                )

    def _tell_of_missing(self, mixed: Mixed) -> None:
        pairs = len(mixed.instances) - mixed.mirrored
        lacking = pairs - mixed.with_synthetic
        if self.strategy.reads(self.settings.negatives)[0] and lacking > FEW * pairs:
            self.session.progress.warn(
                f"{lacking} of {pairs} pairs have no synthetic negative; `syneg generate` says why"
            )
        draws = sum(mixed.composition.values())
        if self.strategy.uses_ratio and misses(reached_share(mixed.sources), self.settings.ratio, draws):
            self.session.progress.warn(
                f"synthetic : retrieved was to be {asked(self.settings.ratio)}, and is "
                f"{reached(mixed.sources)}: where one kind is short, the other fills up"
            )

    def _all_verdicts(self, files: Mapping[str, Source]) -> Iterator[tuple[str, Path, bool]]:
        """(role, file of verdicts, whether they are on the negatives as they are now)."""
        for role, source in files.items():
            path = self.workspace.verified(source.path)
            manifest = read_manifest(path) if role not in ("mirror", "imported") else None
            if manifest is not None and path.is_file():
                yield role, path, manifest.inputs.get("negatives") == file_hash(source.path)

    def _rounds(self) -> int:
        return rounds_of(self.project)


def rounds_of(project: Project) -> int:
    """As the project says; else one for each epoch where the strategy goes by epochs."""
    by_epoch = check_strategy(project.mix.strategy).by_epoch
    return project.mix.rounds or (project.train.epochs if by_epoch else ROUNDS)


def most_drawn(project: Project) -> int:
    """How many different negatives a mix draws for a pair, at most."""
    return max(1, rounds_of(project) * project.mix.negatives)


def mixed_name(session: Session) -> str:
    section = session.project.mix
    return section.name or section.strategy


def mix_of(session: Session, dataset: Dataset) -> tuple[Path, Manifest]:
    """The mix that the settings name.

    Raises:
        MissingArtifact: it has not been made.
    """
    name = mixed_name(session)
    path = session.workspace(dataset).mixed(name)
    manifest = read_manifest(path)
    if path.is_file() and not manifest_path(path).is_file():
        raise MissingArtifact(
            f"{path} has no manifest ({manifest_path(path).name}), so nobody knows what it was mixed from.",
            hint=f"Move it away. {session.again('mix')}",
        )
    if manifest is None or not path.is_file() or not _is_of_a_mix(manifest):
        named = session.named("mix.name")

        def make(other: str) -> str:
            flag = "--strategy" if other in STRATEGIES else "--name"
            return session.again("mix", *((flag, other) if named else ()))

        meant, hint = absent(path, "--mixed NAME", make, STRATEGIES if named else ())
        raise MissingArtifact(
            f"No training instances {name!r} for {dataset.name} ({path}).{meant}", hint=hint
        )
    return path, manifest


def _is_of_a_mix(manifest: Manifest) -> bool:
    """Whether it says what later stages ask a mix's manifest for."""
    pairs, negatives = (manifest.counts.get(key) for key in ("instances", "negatives_per_instance"))
    means = negatives.values() if isinstance(negatives, dict) else (None,)
    return type(pairs) is int and all(type(mean) in (int, float) for mean in means)

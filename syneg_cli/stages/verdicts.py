"""The verdicts of `verify` that are there, as `status` looks at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syneg_cli.core import MissingArtifact, UsageError, file_hash, read_manifest
from syneg_cli.data import Dataset
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Plan
from syneg_cli.stages.verify import WEIGHTS, Verify
from syneg_cli.verification import Check

SET_BY = {
    "llm": ("generate.llm",),
    "prompt": ("verify.prompt", "dataset.relevance"),
    "seed": ("generate.seed",),
    "backbone": ("mine.backbone", "train.backbone"),
    "margin": ("verify.margin",),
    "model": ("verify.cross_encoder",),
    WEIGHTS: ("verify.cross_encoder",),
}
"""What the verdicts of a check depend on -> the settings that decide it."""


class Verdicts(Verify):
    """The verdicts that are there, to look at: what nobody sets now counts as it was when they were given.

    Its checks may have been flags, which are not given again to ask where things stand.
    """

    def __init__(self, session: Session, dataset: Dataset, negatives: Path) -> None:
        super().__init__(session, dataset, negatives, _no_check)

    @property
    def label(self) -> str:
        return f"verify {'synthetic' if self.negatives.parent.name == 'synthetic' else self.negatives.stem}"

    @property
    def path(self) -> Path:
        return self.workspace.verified(self.negatives)

    def plan(self) -> Plan:
        if not self.negatives.is_file():
            raise MissingArtifact(f"The negatives {self.negatives} are not there.")
        manifest = read_manifest(self.path)
        before = dict(manifest.settings) if manifest else {}
        checks: dict[str, Any] = dict(before.get("checks", {}))
        for name in self.settings.checks if self._is_set("verify.checks") else list(checks):
            checks[name] = self._as_set(name, checks.get(name))
        settings: dict[str, Any] = {"checks": checks}
        for key in ("effect", "agree"):
            here = getattr(self.settings, key)
            settings[key] = here if self._is_set(f"verify.{key}") else before.get(key, here)
        if self.negatives.parent.name == "mined":
            settings["per_query"] = self.per_query()
        settings["unanswered"] = 0
        inputs = {**self.dataset.inputs("train"), "negatives": file_hash(self.negatives)}
        defaults = {"per_query": self.per_query(), "unanswered": 0}
        return Plan(self.name, self.path, inputs, settings, defaults)

    def _as_set(self, check: str, before: dict[str, Any] | None) -> dict[str, Any]:
        """What the verdicts of a check depend on: as it was, but for what is set now."""
        if before is None:
            return self.settings_of(check)
        try:
            now = self.settings_of(check)
        except UsageError:  # it names no model now
            return before
        unset = {key for key, of in SET_BY.items() if not any(map(self._is_set, of))}
        return before | {key: value for key, value in now.items() if key not in unset}

    def _is_set(self, setting: str) -> bool:
        return self.session.resolved.origins.get(setting, "default") != "default"


def _no_check(name: str) -> Check:
    raise NotImplementedError("Verdicts are only looked at.")

"""Which arms a study has, how many seeds, and what is chosen on dev."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from syneg_cli.core import Name, Positive, Section, Text, setting
from syneg_cli.studies.arms import TABLES, TELLING, built_in
from syneg_cli.studies.budget import seconds_of

GRID = "Chosen on dev, for every arm alike"


class OwnArm(Section):
    """An arm of the user's own: what it sets, and what it is compared with."""

    control: Text = "dense"
    description: str = ""
    trained: bool = True
    """False: the backbone as it is, which an arm may search with otherwise."""
    set: Mapping[str, Any] = Field(default_factory=dict)


def _is_time(value: str) -> str:
    seconds_of(value)
    return value


class StudySettings(Section):
    """Arms times seeds, from a plan that is frozen before anything runs."""

    name: Name = setting("default", "Name of the study.", metavar="NAME", decides=False)
    arms: Annotated[tuple[Text, ...], Field(min_length=1)] = setting(
        TELLING,
        f"Arms, or groups of them: all, {', '.join(name for name in TABLES if name != 'own')} "
        "(see docs/study.md).",
        metavar="ARM",
        values=("all", *TABLES, *built_in(0)),
    )
    seeds: Annotated[int, Field(ge=1, le=100)] = setting(3, "Training runs of every arm.")
    primary: Text = setting(
        "hybrid",
        "The arm whose comparison is the one that counts.",
        metavar="ARM",
        values=tuple(name for name, arm in built_in(0).items() if arm.control),
    )
    sequential: bool = setting(
        False, "Look at the results after every seed, and stop an arm that is decided (alpha spending)."
    )
    budget: Annotated[Text, AfterValidator(_is_time)] | None = setting(
        None,
        "Time for the whole study, as 6h or 90m: the most telling arms that fit are kept.",
        example='"6h"',
        otherwise="no limit",
        metavar="TIME",
    )
    grid_lr: tuple[Annotated[float, Field(gt=0)], ...] = setting(
        (), "Learning rates to choose from.", example="[2e-5, 5e-5]", panel=GRID
    )
    grid_batch_size: tuple[Positive, ...] = setting(
        (), "Batch sizes to choose from.", example="[16, 32]", panel=GRID
    )
    grid_epochs: tuple[Positive, ...] = setting((), "Epochs to choose from.", example="[1, 2]", panel=GRID)
    keep_models: bool = setting(
        True, "Keep the trained models; else they go once they are measured.", decides=False
    )
    define: Mapping[str, OwnArm] | None = setting(
        None,
        "Arms of your own, each a table [study.define.NAME] with control, description, trained and set.",
        example='{slow = {control = "dense", set = {"train.lr" = 1e-5}}}',
    )

    @field_validator("arms", mode="before")
    @classmethod
    def _with_commas(cls, value: Any) -> Any:
        """`--arms dense,hybrid` is two arms, too."""
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
            return value
        return tuple(part.strip() for one in value for part in one.split(",") if part.strip())

    @field_validator("define", mode="before")
    @classmethod
    def _is_a_table(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("expected tables [study.define.NAME] in syneg.toml")
        return value

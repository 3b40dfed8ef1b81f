"""A setting is declared once: one field of a section, with its type, bounds, default and help.

Its key in syneg.toml, environment variable, flag, row in `--show-config`, line in
syneg.toml.example and row in docs/settings.md are all made from that field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Self

LARGE = 10**15
"""More than anyone counts, and less than what databases and floats lose digits of."""
Positive = Annotated[int, Field(ge=1, le=LARGE)]
NonNegative = Annotated[int, Field(ge=0, le=LARGE)]
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What every generator takes: NumPy's knows no more, and none that is negative."""


def _plain(name: str) -> str:
    if not name.strip() or name.startswith(".") or re.search(r"[/\\\0]", name):
        inside = re.split(r"[/\\\0]", name.rstrip("/\\"))[-1].strip().lstrip(".") or "my-own"
        raise ValueError(
            f"expected a name as {inside!r} (results are put into the work directory, --work-dir)"
        )
    return name


Name = Annotated[str, AfterValidator(_plain)]
"""Of a result: it becomes a file's name, so it may not lead out of its folder."""


class Section(BaseModel):
    """A table of syneg.toml. Values are checked, unknown keys are errors, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _percentages(cls, data: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Where a share is wanted and a percentage is given, the error says which share that is."""
        try:
            return validate(data)
        except ValidationError as error:
            for one in error.errors():
                field = cls.model_fields.get(str(one["loc"][0])) if one["loc"] else None
                share = _share(one["input"]) if field is not None and _is_share(field) else None
                if share is not None:
                    said: Any = f"This is a share of 1: give {share:g}"
                    wrong = PydanticCustomError("share", said)
                    told = InitErrorDetails(type=wrong, loc=one["loc"][:1], input=one["input"])
                    raise ValidationError.from_exception_data(error.title, [told]) from None
            raise

    def deciding(self) -> dict[str, Any]:
        """The settings that decide a result: a manifest holds them, and a change makes it stale."""
        fields = type(self).model_fields
        return self.model_dump(include={name for name, field in fields.items() if about_field(field).decides})


@dataclass(frozen=True, slots=True)
class About:
    """What help and documents say of a setting, beside its type and default.

    `example`: a value in TOML, where there is no default to show. `otherwise`: what happens
    without a value ("the model's own"). `panel`: the heading in `--help`. `metavar`: what help
    calls the value. `decides`: whether results depend on it. `values`: the words it may be, where
    its type does not say; shells complete them, and `<model>` or `run:<path>` stand for what is
    there (`cli/completion.py`).
    """

    help: str
    example: str = ""
    otherwise: str = ""
    panel: str = ""
    metavar: str = ""
    decides: bool = True
    values: tuple[str, ...] = ()


def setting(
    default: Any,
    help: str,
    *,
    example: str = "",
    otherwise: str = "",
    panel: str = "",
    metavar: str = "",
    decides: bool = True,
    values: tuple[str, ...] = (),
) -> Any:
    """A field of a section; the arguments are those of `About`."""
    known = About(help, example, otherwise, panel, metavar, decides, values)
    return Field(default, description=help, json_schema_extra={"about": cast(Any, known)})


def about_field(field: FieldInfo) -> About:
    """What was said of a setting where it was declared."""
    extra = field.json_schema_extra
    return cast(About, extra["about"]) if isinstance(extra, dict) and "about" in extra else About("")


def _is_share(field: FieldInfo) -> bool:
    """Whether it is a number from 0 to 1, by the bounds of its type."""
    bounds = [*field.metadata, *(data for part in get_args(field.annotation) for data in _metadata(part))]
    above = [getattr(bound, name) for bound in bounds for name in ("le", "lt") if hasattr(bound, name)]
    return 1 in above


def _metadata(part: Any) -> list[Any]:
    """What is annotated to a member of a union, with the bounds inside a `Field`."""
    found = getattr(part, "__metadata__", ())
    return [inner for one in found for inner in (one.metadata if isinstance(one, FieldInfo) else [one])]


def _share(given: Any) -> float | None:
    """95 or "95%" as 0.95; None where no percentage is given (2 may be anything)."""
    number = re.fullmatch(r"(\d+(?:\.\d*)?)\s*%?", str(given).strip())
    percentage = float(number[1]) if number else 0.0
    return round(percentage / 100, 6) if 5 <= percentage <= 100 else None

"""What a forecast says in words, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping

from syneg_cli.forecast.records import Says, Verdict

ABOUT: Mapping[Verdict, str] = {
    "likely to help": "a mix with negatives like these is likely to help, against mined ones alone",
    "likely to harm": "a mix with negatives like these is likely to do harm, against mined ones alone",
    "cannot tell": "it cannot be told whether a mix with negatives like these beats mined ones alone",
}
SPEAKS: Mapping[Says, str] = {"help": "for it", "harm": "against it", "open": "neither"}
CAVEAT = (
    "Measured on negatives, without training: the forecast says which known ways to fail are there, "
    "not how large a gain is."
)

"""Before the whole job is paid for: what a pilot's negatives are like, and what that speaks for."""

from syneg_cli.forecast.forecast import forecast_of
from syneg_cli.forecast.measures import STYLE, style
from syneg_cli.forecast.records import (
    Evidence,
    Forecast,
    Interval,
    PilotNegative,
    read_forecast,
)
from syneg_cli.forecast.scoring import PER_QUERY, draw_mined, scored
from syneg_cli.forecast.wording import ABOUT, CAVEAT, SPEAKS

__all__ = [
    "ABOUT",
    "CAVEAT",
    "PER_QUERY",
    "SPEAKS",
    "STYLE",
    "Evidence",
    "Forecast",
    "Interval",
    "PilotNegative",
    "draw_mined",
    "forecast_of",
    "read_forecast",
    "scored",
    "style",
]

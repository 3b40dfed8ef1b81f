"""Studies: arms times seeds from a frozen plan; what each is compared with, what it costs, and the tables."""

from syneg_cli.studies.arms import BASE, TABLES, TELLING, Arm, Need, built_in, chosen, with_soups
from syneg_cli.studies.budget import Rates, Spent, seconds_of, within
from syneg_cli.studies.comparing import Line, Part, decided_early, lines, looks, parts_of
from syneg_cli.studies.pilots import Outcome, outcomes
from syneg_cli.studies.placebo import shuffled
from syneg_cli.studies.plan import PLAN, ArmPlan, Beside, Frozen, StudyPlan, differences, read_plan, told
from syneg_cli.studies.results import (
    RESULTS,
    TIMES,
    TRIALS,
    Row,
    Trial,
    best,
    by_arm,
    read_rows,
    read_trials,
    write_rows,
    write_trials,
)
from syneg_cli.studies.settings import OwnArm, StudySettings
from syneg_cli.studies.soup import average
from syneg_cli.studies.stored import Study, read_study, studies_of
from syneg_cli.studies.tables import FORMATS, StudyTable, answer, cells, heading, limits, remarks, tables_of

__all__ = [
    "BASE",
    "FORMATS",
    "PLAN",
    "RESULTS",
    "TABLES",
    "TELLING",
    "TIMES",
    "TRIALS",
    "Arm",
    "ArmPlan",
    "Beside",
    "Frozen",
    "Line",
    "Need",
    "Outcome",
    "OwnArm",
    "Part",
    "Rates",
    "Row",
    "Spent",
    "Study",
    "StudyPlan",
    "StudySettings",
    "StudyTable",
    "Trial",
    "answer",
    "average",
    "best",
    "built_in",
    "by_arm",
    "cells",
    "chosen",
    "decided_early",
    "differences",
    "heading",
    "limits",
    "lines",
    "looks",
    "outcomes",
    "parts_of",
    "read_plan",
    "read_rows",
    "read_study",
    "read_trials",
    "remarks",
    "seconds_of",
    "shuffled",
    "studies_of",
    "tables_of",
    "told",
    "with_soups",
    "within",
    "write_rows",
    "write_trials",
]

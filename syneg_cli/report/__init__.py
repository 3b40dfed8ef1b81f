"""What training recorded and `eval` measured, as figures and as a page in Markdown and HTML."""

from syneg_cli.report.costs import sum_of
from syneg_cli.report.models import read_models
from syneg_cli.report.records import Model
from syneg_cli.report.results import Result, Results, read_results
from syneg_cli.report.wording import models_table
from syneg_cli.report.write import write_report

__all__ = [
    "Model",
    "Result",
    "Results",
    "models_table",
    "read_models",
    "read_results",
    "sum_of",
    "write_report",
]

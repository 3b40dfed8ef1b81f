"""What training recorded and `eval` measured, as a page in HTML and Markdown, with its figures."""

from syneg_cli.report.costs import sum_of
from syneg_cli.report.facts import Facts
from syneg_cli.report.models import read_models
from syneg_cli.report.negatives import Negatives, read_negatives
from syneg_cli.report.records import Model
from syneg_cli.report.results import Result, Results, read_results
from syneg_cli.report.searches import Searched, read_searches
from syneg_cli.report.sections.answer import first_sentence
from syneg_cli.report.sections.samples import SHOWN
from syneg_cli.report.separation import Separation, measure, sample_texts
from syneg_cli.report.wording import models_table
from syneg_cli.report.write import Report, write_report

__all__ = [
    "SHOWN",
    "Facts",
    "Model",
    "Negatives",
    "Report",
    "Result",
    "Results",
    "Searched",
    "Separation",
    "first_sentence",
    "measure",
    "models_table",
    "read_models",
    "read_negatives",
    "read_results",
    "read_searches",
    "sample_texts",
    "sum_of",
    "write_report",
]

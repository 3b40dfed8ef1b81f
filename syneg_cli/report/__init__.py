"""What training recorded and `eval` measured, as figures and as a page in Markdown and HTML."""

from syneg_cli.report.models import read_models
from syneg_cli.report.records import Model
from syneg_cli.report.wording import models_table
from syneg_cli.report.write import write_report

__all__ = ["Model", "models_table", "read_models", "write_report"]

"""syneg in Python: every step as a function of plain values, without project file or terminal.

What the command line takes as settings are keyword arguments here, with the same names and
defaults (docs/settings.md). `work_dir` is where answers that were paid for, vectors and the
corpus are kept; it is the same folder as the command line's, so nothing is paid twice.
"""

from syneg_cli.library.datasets import load_dataset
from syneg_cli.library.documents import import_documents
from syneg_cli.library.models import TrainingSet, evaluate, mix, train
from syneg_cli.library.negatives import Written, generate, mine, verify
from syneg_cli.library.pilots import Piloted, pilot
from syneg_cli.library.queries import WrittenQueries, with_queries, write_queries
from syneg_cli.library.studies import study
from syneg_cli.studies import Study

__all__ = [
    "Piloted",
    "Study",
    "TrainingSet",
    "Written",
    "WrittenQueries",
    "evaluate",
    "generate",
    "import_documents",
    "load_dataset",
    "mine",
    "mix",
    "pilot",
    "study",
    "train",
    "verify",
    "with_queries",
    "write_queries",
]

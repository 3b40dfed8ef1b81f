"""Whose a folder of the work directory is: data sets are kept by name, and two may have the same one.

`WORK_DIR/<name>/dataset.json` says where the data set is whose results are there, and has a hash of what
it holds. The same data set in another place stays the owner; a folder of an earlier version gets its file
with the next result.
"""

from __future__ import annotations

import json
from pathlib import Path

from syneg_cli.core import UsageError, need_file, write_text
from syneg_cli.data import Dataset
from syneg_cli.stages.session import Session

FILE = "dataset.json"


def need_own(session: Session, dataset: Dataset) -> None:
    """Raises UsageError where the results of this name are another data set's."""
    if other := other_owner(session, dataset):
        raise UsageError(
            f"{_file(session, dataset).parent} has the results of another data set of this name: "
            f"{other}, not {dataset.folder}.",
            hint="Give this one another --work-dir, or rename its folder. If it is the same one, moved and "
            f"changed, delete {_file(session, dataset)}.",
        )


def tell_of_other(session: Session, dataset: Dataset) -> None:
    """A warning in the same case, for who only reads."""
    if other := other_owner(session, dataset):
        session.progress.warn(
            f"{_file(session, dataset).parent} has the results of another data set of this name: "
            f"{other}, not {dataset.folder}; --work-dir names another folder"
        )


def other_owner(session: Session, dataset: Dataset) -> str | None:
    """The folder of the data set whose results are here; None where it is this one, or nobody knows."""
    try:
        need_file(_file(session, dataset), UsageError)
        known = json.loads(_file(session, dataset).read_text(encoding="utf-8"))
        folder, content = str(known["folder"]), known["content"]
    except (UsageError, OSError, ValueError, LookupError, TypeError):
        return None
    same = Path(folder) == dataset.folder or content == dataset.content
    return None if same else folder


def claim(session: Session, dataset: Dataset) -> None:
    """Say that the results are this data set's, as it is now."""
    text = json.dumps({"folder": str(dataset.folder), "content": dataset.content}, ensure_ascii=False)
    write_text(_file(session, dataset), text + "\n")


def _file(session: Session, dataset: Dataset) -> Path:
    return session.work_dir / dataset.name / FILE

"""A syneg.toml and a prompts/ folder to edit, for a data set that was looked at first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from syneg_cli.core import NoProgress, Progress, UsageError, Workspace, mended_value, user_path, write_text
from syneg_cli.data import (
    HUB,
    Dataset,
    Wanted,
    folder_called,
    has_preset,
    inner_datasets,
    is_meant_as_dataset,
    local_folder,
    need_documents,
    output_of,
    prepared,
)
from syneg_cli.generation import list_prompts
from syneg_cli.llm import embedding_endpoint, split_spec
from syneg_cli.mixing import STRATEGIES
from syneg_cli.stages.consent import check_server
from syneg_cli.stages.documents import toml
from syneg_cli.stages.project import ENDPOINTS, PROJECT_FILE, resolve
from syneg_cli.stages.session import Session

TEMPLATE = """\
# A syneg project. Every key and its default: {example}
# `syneg run` does everything that is not up to date; `syneg status` shows where you are.

{documents}[dataset]
{name}# a BEIR name, or a folder with corpus.jsonl, queries.jsonl and qrels/
# data_dir = "data"           # where data set folders lie already; nothing is downloaded then
{test}{relevance}
[generate]
{llm}# ollama:MODEL, openai:MODEL, hf:MODEL, replay:FILE
{base_url}\
prompt = "syneg"              # prompts/syneg.txt beside this file; edit it, or copy it and name the copy
n = 2                         # synthetic negatives per (query, positive)
{max_cost}# US dollars; never passed

[mine]
miners = ["dense"]            # random, bm25, dense, ...
depth = 30                    # mined negatives per query

[mix]
strategy = "hybrid"           # {strategies}
ratio = 0.7                   # synthetic : retrieved
negatives = 3                 # per training instance

[train]
backbone = "minilm"           # an alias (bge-base), a local folder or a hub id
epochs = 2
batch_size = 16
lr = 5e-5
"""

DOCUMENTS = """\
[documents]
source = {source}# what `syneg run` imports first; an LLM writes queries for it

"""

RELEVANCE = """\

# What counts as relevant in your data decides what a negative is: say it in one or two sentences.
{relevance}
# attributes.domain = ["your field", "a neighbouring field"]
"""
HALF = 0.5


def new_session(
    directory: Path,
    name: str | None,
    *,
    test_fraction: float | None = None,
    llm: str | None = None,
    base_url: str | None = None,
    max_cost: float | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Session:
    """The session of a project that is about to be written; documents become its data set.

    Raises:
        UsageError: there is a syneg.toml already (and no `force`), or a value is wrong.
        DatasetError: there are no documents.
    """
    if name == "":
        raise UsageError("DATASET: the value is empty.", hint="Leave it out, or name one.")
    file = directory / PROJECT_FILE
    if file.exists() and not force:
        raise UsageError(f"{file} is there already.", hint="Edit it, or replace it with --force.")
    if llm:
        split_spec(llm)  # a model that there cannot be is said before documents are imported
    if base_url is not None:
        _check_address(llm, base_url)
    flags: dict[str, object] = {"dataset.name": name, "dataset.test_fraction": test_fraction}
    flags |= {"generate.llm": llm, "generate.base_url": base_url, "generate.max_cost": max_cost}
    source = name if name and is_documents(name) else None
    if source:
        opened = prepared(Wanted(source), None, progress or NoProgress(), named_by="")
        _need_apart(directory, source)
        need_documents(opened)
        flags |= {"dataset.name": str(output_of(opened, None)), "documents.source": source}
    return Session(replace(resolve(flags, alone=True), folder=directory), progress or NoProgress())


def _check_address(llm: str | None, base_url: str) -> None:
    """Before the address of the model's server is written down.

    Raises:
        UsageError: the model has no server, the address is none, or it holds a password.
    """
    if llm is None or split_spec(llm)[0] not in ENDPOINTS:
        raise UsageError(
            f"--base-url is the server of an openai: or ollama: model, and {llm or 'no model'} is named.",
            hint="Name the model with --llm, as in --llm openai:MODEL.",
        )
    embedding_endpoint(llm, base_url)
    if "@" in urlsplit(base_url).netloc:
        variable = ENDPOINTS[split_spec(llm)[0]]
        raise UsageError(
            "--base-url holds a user name or a password, which syneg.toml would show to everyone.",
            hint=f"Leave it out, and set {variable} to that address.",
        )


def _need_apart(directory: Path, source: str) -> None:
    """Raises UsageError where a project would lie in the folder that it imports."""
    place = user_path(source)
    if place.is_dir() and directory.resolve().is_relative_to(place.resolve()):
        raise UsageError(
            f"The project would lie in {source}, and its prompts would be imported as documents.",
            hint="Begin it elsewhere: in the folder above, or with --dir FOLDER.",
        )


def is_documents(name: str) -> bool:
    """Whether a name means documents to import: a file, or a folder that has no part of a data set."""
    place = user_path(name)
    folder = place.is_dir() and not (is_meant_as_dataset(place) or inner_datasets(place))
    return folder or place.is_file() or name.startswith(HUB)


def looked_at(session: Session) -> Dataset | None:
    """The data set, read and checked, if it is on disk; None where none is named, or it will be downloaded.

    Nothing stays behind of a data set that is wrong.

    Raises:
        DatasetError: there is none of that name, or a file is wrong.
    """
    section, resolved = session.project.dataset, session.resolved
    if not section.name or session.project.documents.source:
        return None
    data_dir = resolved.path(section.data_dir) if section.data_dir else None
    if local_folder(section.name, data_dir=data_dir, folder=resolved.folder) is None:
        return None
    with _nothing_left_behind(session.work_dir):
        return session.dataset()


def lacking_split(dataset: Dataset | None) -> tuple[str, str] | None:
    """(missing, there) of train and test, where the data set has only one of the two."""
    here = {"train", "test"} & set(dataset.judgements if dataset else ())
    if len(here) != 1:
        return None
    return ("test", "train") if "train" in here else ("train", "test")


def needs_relevance(session: Session, dataset: Dataset | None) -> bool:
    """Whether nobody knows what counts as relevant in the data set that is named."""
    name = session.project.dataset.name
    if not name:
        return False
    return not has_preset(dataset.name if dataset else folder_called(name).replace("/", "--"))


def write_project(session: Session, dataset: Dataset | None, *, relevance: str | None = None) -> list[Path]:
    """Write the project file and the prompts that are not there yet; returns what was written.

    Args:
        relevance: what counts as relevant; a hint is written where it is not known.
    """
    section, directory = session.project.dataset, session.resolved.folder
    source, calls = session.project.documents.source, session.project.generate
    test = ""
    used = dataset is None or "test" in dataset.carved
    if (section.test_fraction and used) or lacking_split(dataset):
        line = f"test_fraction = {section.test_fraction or HALF}"
        test = f"{line if section.test_fraction else '# ' + line}".ljust(30)
        test += "# this share of the queries is test, the rest train\n"
    said = mended_value(" ".join((relevance or "").split()))[0]
    unknown = needs_relevance(session, dataset)
    meaning = f"relevance = {toml(said)}" if said else '# relevance = "A page is relevant if ..."'
    text = TEMPLATE.format(
        example="`syneg init --example` prints them",
        documents=DOCUMENTS.format(source=_padded(toml(_from(directory, source)), 20)) if source else "",
        llm=_padded(f"llm = {toml(calls.llm)}" if calls.llm else '# llm = "ollama:llama3"'),
        base_url=f"base_url = {toml(calls.base_url)}\n" if calls.base_url else "",
        max_cost=_padded(f"max_cost = {calls.max_cost:g}" if calls.max_cost else "# max_cost = 5.0"),
        name=_name_line(directory, section.name, dataset),
        test=test,
        strategies=", ".join(STRATEGIES),
        relevance=RELEVANCE.format(relevance=meaning) if said or unknown else "",
    )
    if calls.llm:
        check_server(session, calls.llm)  # named by a flag: known from now on
    write_text(directory / PROJECT_FILE, text)
    return [directory / PROJECT_FILE, *write_prompts(directory)]


def write_prompts(directory: Path) -> list[Path]:
    """Write the prompts that are not there yet; returns them."""
    written = []
    for name, prompt in list_prompts().items():
        target = directory / "prompts" / f"{name}.txt"
        if not target.exists():
            write_text(target, prompt.read_text(encoding="utf-8"))
            written.append(target)
    return written


def _name_line(directory: Path, name: str | None, dataset: Dataset | None) -> str:
    """The line that names the data set, up to its comment; one to be filled in where none is named."""
    line = '# name = "my-corpus"' if name is None else f"name = {toml(_name_from(directory, name, dataset))}"
    return line.ljust(29) + " "


def _name_from(directory: Path, name: str, dataset: Dataset | None) -> str:
    """The name of the data set as the project's folder sees it."""
    here = Path(name)
    if dataset is None or here.is_absolute() or here.resolve() != dataset.folder:
        return name
    return name if directory.resolve() == Path.cwd() else os.path.relpath(dataset.folder, directory.resolve())


def _padded(line: str, width: int = 29) -> str:
    """A line up to its comment."""
    return f"{line:{width}} "


def _from(directory: Path, source: str) -> str:
    """A source as the project's folder sees it."""
    if source.startswith(HUB) or Path(source).is_absolute() or directory.resolve() == Path.cwd():
        return source
    return os.path.relpath(user_path(source).resolve(), directory.resolve())


@contextmanager
def _nothing_left_behind(work_dir: Path) -> Iterator[None]:
    """Around what fills a work directory: if it fails, one that was not there before is taken away."""
    missing = [folder for folder in (work_dir, *work_dir.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        for folder in missing:
            if folder == work_dir:  # another process may have put more there
                shutil.rmtree(Workspace(work_dir, "").corpora, ignore_errors=True)
            with suppress(OSError):
                folder.rmdir()
        raise

"""What `syneg doctor` looks at: the machine, the project, its caches, locks, keys, server and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

from syneg_cli.core import (
    KEY_NAMES,
    Check,
    SynegError,
    Workspace,
    __version__,
    counted,
    env_files,
    existing,
    extras,
    find_key,
    holder_of,
    install,
    machine_checks,
    masked,
    near,
    others_may,
)
from syneg_cli.encoding import entries, find_model, load_model, resolve_precision
from syneg_cli.llm import embedding_api, loads_here, look_at, served_models, split_spec
from syneg_cli.stages.consent import check_server, may_run_code
from syneg_cli.stages.language_model import cache_path
from syneg_cli.stages.mine import backbone_of
from syneg_cli.stages.project import ENDPOINTS
from syneg_cli.stages.session import Session

FETCH = "Nothing, if the model hub can be reached then; else give a folder with --backbone."
AGAIN = "Fetch or save its folder again (a GPU without room says so here, too), or name another --backbone."
SAID = 200
"""Characters of what a library says."""

TEXTS = ("dataset.relevance", "dataset.attributes")
"""Settings that hold the user's own words, and stay out of a report for others."""


def examine(session: Session) -> list[Check]:
    """Everything, one after the other; what fails itself is a problem, and the rest is looked at."""
    checks = [Check("syneg", "ok", __version__), *machine_checks(session.work_dir)]
    parts: dict[str, Callable[[Session], Iterator[Check]]] = {
        "GPU": _gpu,
        "work directory": _work_dir,
        "generation cache": _answers,
        "embedding cache": _vectors,
        "locks": _locks,
        "keys": _keys,
        "language model": _server,
        "backbone": _backbone,
        "extras": lambda _: _extras(),
    }
    for name, look in parts.items():
        try:
            checks += look(session)
        except SynegError as error:
            checks.append(Check(name, "problem", error.message, error.hint))
        except OSError as error:
            checks.append(Check(name, "problem", f"{error}", "Check the path and its rights."))
    return checks


def bug_report(session: Session, checks: list[Check]) -> str:
    """A text to send with a bug report: no secrets, no texts of a corpus, no way to the user's home."""
    lines = [f"{one.state:<8} {one.name}: {one.said}" for one in checks]
    lines += ["", "Settings that are not the default:"]
    for key, value, origin in session.resolved.rows():
        if origin != "default" and not key.startswith(TEXTS):
            lines.append(f"  {key} = {value!r}")
    text = masked("\n".join(lines))
    places = {session.resolved.folder.resolve(): "PROJECT", Path.cwd(): "HERE", Path.home(): "~"}
    for place, name in sorted(places.items(), key=lambda item: -len(str(item[0]))):
        if place != Path(place.anchor):
            text = text.replace(str(place), name)
    return f"{text}\n"


def _gpu(session: Session) -> Iterator[Check]:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = resolve_precision(session.project.mine.precision, device)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        yield Check("GPU", "ok", f"{', '.join(names)}; precision {precision}")
    else:
        threads = counted(torch.get_num_threads(), "thread")
        said = f"none; the processor computes in {precision}, PyTorch with {threads}"
        yield Check("GPU", "ok", said)


def _work_dir(session: Session) -> Iterator[Check]:
    folder = session.work_dir
    try:
        with TemporaryFile(dir=existing(folder)) as file:
            file.write(b"x")
    except OSError as error:
        said = f"{near(folder)} cannot be written: {error.strerror}"
        yield Check("work directory", "problem", said, "Correct its rights, or name another --work-dir.")
    else:
        there = "" if folder.is_dir() else " (it is not there yet)"
        yield Check("work directory", "ok", f"{near(folder)} can be written{there}")


def _answers(session: Session) -> Iterator[Check]:
    name, path = "generation cache", cache_path(session)
    if not path.is_file():
        yield Check(name, "ok", "none yet")
        return
    whole, count = look_at(path)
    said = f"{near(path)}: {count} answers, {path.stat().st_size / 1e6:,.1f} MB"
    if whole != "ok":
        remedy = "Move it aside, and take what can be read: `sqlite3 OLD .recover | sqlite3 NEW`."
        yield Check(name, "problem", f"{said}, damaged: {whole}", remedy)
    elif others_may(path):
        yield Check(name, "warning", f"{said}; others can read it", f"Run `chmod 600 '{path}'`.")
    else:
        yield Check(name, "ok", f"{said}, whole")


def _vectors(session: Session) -> Iterator[Check]:
    found = entries(Workspace(session.work_dir, "").embeddings)
    size = sum(entry.bytes for entry in found) / 1e6
    partly = sum(not entry.complete for entry in found)
    said = f"{len(found)} entries, {size:,.1f} MB" + (f", {partly} incomplete" if partly else "")
    yield Check("embedding cache", "ok", said if found else "empty")


def _locks(session: Session) -> Iterator[Check]:
    from filelock import FileLock, Timeout

    held = []
    folder = Workspace(session.work_dir, "").locks
    for path in sorted(folder.glob("*.lock")) if folder.is_dir() else []:
        try:
            with FileLock(path, timeout=0):
                continue
        except Timeout:
            held.append(f"{path.stem} by {holder_of(path)}")
    yield Check("locks", "ok", f"held: {'; '.join(held)}" if held else "none is held")


def _keys(session: Session) -> Iterator[Check]:
    there = []
    for name in KEY_NAMES:
        if key := find_key(name):
            there.append(f"{name} from {key.origin}")
    yield Check("keys", "ok", "; ".join(there) or "none")
    for file in env_files():
        if others_may(file):
            yield Check(
                "keys", "warning", f"{near(file)} can be read by others", f"Run `chmod 600 '{file}'`."
            )


def _server(session: Session) -> Iterator[Check]:
    name, section = "language model", session.project.generate
    if not section.llm:
        yield Check(name, "ok", "none is named (--llm, or llm in [generate])")
        return
    provider, model = split_spec(section.llm)
    if provider not in ENDPOINTS:
        if loads_here(section.llm, folder=session.resolved.folder):
            yield Check(name, "ok", f"{section.llm} can be read; it needs no server")
        else:
            said = f"{section.llm} is not on this machine; its first use downloads it"
            yield Check(name, "warning", said, "Nothing, if the model hub can be reached then.")
        return
    check_server(session, section.llm)
    served = served_models(section.llm, base_url=section.base_url)
    if served and model not in served and f"{model}:latest" not in served:
        listed = ", ".join(served[:5]) + (", ..." if len(served) > 5 else "")
        yield Check(
            name, "warning", f"its server lists no model {model!r}", f"It has {listed}; correct --llm."
        )
    else:
        yield Check(name, "ok", f"{section.llm}: its server answers")


def _backbone(session: Session) -> Iterator[Check]:
    """Loads it, and has it encode a text: a folder that is there may lack a file, or hold another's."""
    name, backbone = "backbone", backbone_of(session)
    if embedding_api(backbone):
        check_server(session, backbone, "embed.base_url")
        served_models(backbone, base_url=session.project.embed.base_url)
        yield Check(name, "ok", f"{backbone}: its server answers")
        return
    folder = find_model(backbone)
    if folder is None:
        said = f"{backbone} is not on this machine; its first use downloads it"
        yield Check(name, "warning", said, FETCH)
        return
    section = session.project.mine
    model = load_model(backbone, max_length=section.max_length, trust_remote_code=may_run_code(session))
    try:
        size = len(model.encode("a text", show_progress_bar=False))
    except Exception as error:  # whatever its code raises
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield Check(name, "problem", f"{backbone} in {near(folder)} encodes nothing: {why[:SAID]}", AGAIN)
        return
    yield Check(name, "ok", f"{backbone} in {near(folder)} loads, and encodes to {size} numbers")


def _extras() -> Iterator[Check]:
    for extra, missing in extras():
        said = f"not there: `{install(f'syneg[{extra}]')}`" if missing else "installed"
        yield Check(f"syneg[{extra}]", "ok", said)

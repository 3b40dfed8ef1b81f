"""What the documents say is true: keys, commands, numbers."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syneg_cli.cli.app import INTERRUPTED, _load
from syneg_cli.cli.commands import COMMANDS
from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from syneg_cli.core.errors import SynegError
from syneg_cli.stages.documents import example_text, settings_page
from syneg_cli.stages.project import resolve, setting_keys
from syneg_cli.stages.project_text import flatten
from syneg_cli.stages.settings import Project
from tests.answered import answer, requests_in, vllm_line
from tests.conftest import QRELS, Cli, write_dataset
from tests.servers import Body, ChatServer, EmbedServer, Reply, good_reply, negatives_text, prompt_of
from tests.servers.indexes import IndexServer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "syneg.toml.example"


def test_what_is_made_from_the_settings_is_up_to_date() -> None:
    """`make docs` writes both files."""
    assert EXAMPLE.read_text(encoding="utf-8") == example_text()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()


def uncommented() -> str:
    return re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_example_loads_as_it_is() -> None:
    assert resolve(file=EXAMPLE, environ={}).project.dataset.name == "scifact"


def test_the_example_has_every_key_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "syneg.toml"
    path.write_text(uncommented(), encoding="utf-8")
    resolve(file=path, environ={})
    shown = {key for key, _ in flatten(tomllib.loads(uncommented()))}
    assert shown == set(setting_keys())


def test_the_example_shows_the_defaults() -> None:
    shown = dict(flatten(tomllib.loads(uncommented())))
    for key, default in flatten(Project().model_dump()):
        if default not in (None, ()):
            assert shown[key] == (list(default) if isinstance(default, tuple) else default), key


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "AGENTS.md"])
def test_every_named_file_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{name} links to {target}"


PAGES = [ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^\$ ((?:syneg|vllm run-batch|python) .*?)(?:\s+#.*)?$", re.MULTILINE)
NODE = re.compile(r"^\$ torchrun (.*)$", re.MULTILINE)


@pytest.fixture
def beginner(tmp_path: Path, tiny_model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """An empty folder with everything that the pages take for granted, at a tiny size: data sets
    named scifact and my-corpus, an Ollama server, and bge-base in the hub's cache."""
    from huggingface_hub import constants

    write_dataset(tmp_path / "data" / "scifact")
    write_dataset(Path("my-corpus"))
    recorded = [
        {
            "query_id": query_id,
            "doc_id": doc_id,
            "prompt": "syneg",
            "n": 2,
            "response": negatives_text(words=9),
        }
        for query_id, doc_id, _ in QRELS["train"]
    ]
    lines = "".join(json.dumps(answer) + "\n" for answer in recorded)
    Path("scifact-train.jsonl").write_text(lines, encoding="utf-8")
    claims = "".join(
        json.dumps({"doc_id": doc_id, "query": query}) + "\n"
        for doc_id, query in (
            ("d4", "which dose of aspirin is for headache"),
            ("d6", "how common is apnea in men"),
        )
    )
    Path("scifact-queries.jsonl").write_text(claims, encoding="utf-8")
    write_documents()
    write_kept(tmp_path, monkeypatch)
    hub = tmp_path / "hub" / "models--BAAI--bge-base-en-v1.5"
    shutil.copytree(tiny_model, hub / "snapshots" / "abc")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("SYNEG_DATA_DIR", str(tmp_path / "data"))
    return cli


def write_documents() -> None:
    """What the page about importing reads: documents with queries and judgements, a table, a database."""
    Path("docs/guide").mkdir(parents=True)
    Path("docs/guide/setup.md").write_text("# Guide\n\nTurn the wheel to the left.\n", encoding="utf-8")
    Path("docs/note.txt").write_text("Lift the lid before you start.\n", encoding="utf-8")
    for part in range(20):  # enough that those of a tenth are dev
        Path(f"docs/part-{part}.txt").write_text(
            f"Part {part} of the lid turns to the left.\n", encoding="utf-8"
        )
    Path("queries.tsv").write_text("q1\twheel\n", encoding="utf-8")
    Path("qrels.test.trec").write_text("q1 0 guide/setup.md 1\n", encoding="utf-8")
    Path("articles.csv").write_text("number,headline,body\n1,One,Text.\n", encoding="utf-8")
    with closing(sqlite3.connect("support.db")) as opened, opened:
        opened.execute("CREATE TABLE tickets (id INTEGER, subject TEXT, answer TEXT)")
        opened.execute("INSERT INTO tickets VALUES (1, 'Lid', 'Lift it.')")


def write_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SciFact as it was downloaded from the hub and by ir_datasets before; the hub is out of reach."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_dataset(tmp_path / "cache" / "syneg" / "datasets" / "beir--scifact")
    hub = tmp_path / "hub" / "datasets--BeIR--scifact"
    write_dataset(hub / "snapshots" / "abc")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("abc")


def writer_and_judge(body: Body, number: int) -> Reply:
    """Writes where negatives or queries are asked for, and judges else."""
    if "hard negative" in prompt_of(body):
        return good_reply(body, number)
    if '{"rewrites":' in prompt_of(body):
        return Reply(text=json.dumps({"rewrites": [{"kind": "keywords", "query": f"number {number}"}]}))
    if '{"queries":' in prompt_of(body):
        title = prompt_of(body).partition("<document>\n")[2].splitlines()[0]
        return Reply(text=json.dumps({"queries": [f"what is known of {title}"]}))
    return Reply(text='{"relevant": false, "evidence": ""}')


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(page: Path, beginner: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test-0123456789")
    with EmbedServer(writer_and_judge) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        for line in COMMAND.findall(page.read_text(encoding="utf-8")):
            program, *arguments = shlex.split(line.replace("http://localhost:8000/v1", server.openai_url))
            if program == "vllm":
                run_batch(*arguments)
            elif program == "python":
                search(monkeypatch, *arguments)
            else:
                result = beginner(*arguments)
                assert result.code == 0, f"{line}\n{result.err}"


def run_batch(*arguments: str) -> None:
    """As `vllm run-batch -i FILE -o FILE --model MODEL`."""
    given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    requests = Path(given["-i"])
    assert {one["body"]["model"] for one in requests_in(requests)} == {given["--model"]}
    answer(requests, Path(given["-o"]), line=vllm_line, respond=writer_and_judge)


def search(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: str) -> None:
    """As `python SCRIPT ARGUMENTS`, with a server of the tests where the engine would be."""
    path = ROOT / script
    with IndexServer([("d2", 2.0), ("d4", 1.0)]) as server, monkeypatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        patch.setattr(sys, "argv", [script, *arguments, "--url", server.url])
        runpy.run_path(str(path), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if NODE.search(page.read_text(encoding="utf-8"))])
def test_the_nodes_of_a_page_work_together(page: Path, beginner: Cli, tmp_path: Path) -> None:
    """All of them on this machine, at a port of the test's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = {
        "PYTHONPATH": str(ROOT),
        "SYNEG_DATA_DIR": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    lines = NODE.findall(page.read_text(encoding="utf-8"))
    nodes = [
        subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *shlex.split(line), "--json"],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in (line.replace("10.0.0.1", "127.0.0.1").replace("29500", port) for line in lines)
    ]
    ends = [(*node.communicate(), node.returncode) for node in nodes]
    assert [code for _, _, code in ends] == [0] * len(nodes), "\n".join(err for _, err, _ in ends)
    assert sum(out.count("\n") for out, _, _ in ends) == 1, "one process talks"
    assert Path(".syneg/scifact/mined/dense.jsonl").is_file()


def test_the_agents_guide_has_the_codes_and_options_that_there_are() -> None:
    guide = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", guide, re.MULTILINE)}
    errors = [SynegError]
    for error in errors:
        errors += error.__subclasses__()
    assert told == {0, INTERRUPTED} | {error.exit_code for error in errors}
    commands = [_load(name) for name in COMMANDS]
    for command in commands:
        commands += getattr(command, "commands", {}).values()  # of `cache`, `keys`, ...
    known = {option for command in commands for one in command.params for option in one.opts}
    assert {*re.findall(r"(?<![\w-])--[a-z][\w-]*", guide)} <= known
    named = re.findall(r"`syneg ([a-z]+)(?: ([a-z][a-z-]*))?`", guide)
    named += [(name, "") for name in re.findall(r"`([a-z]+)`", guide)]
    for name, below in named:
        assert name in {*COMMANDS, "error", "hint", "verdict"}, name
        assert not below or below in _load(name).commands, f"{name} {below}"


def test_the_readme_shows_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(
        r"^\$ make (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_readme_mentions_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f"syneg {name}" not in readme and f"`{name}`" not in readme]
    assert not missing


@pytest.mark.slow
def test_the_python_of_every_page_runs(
    tmp_path: Path, tiny: Path, tiny_model: Path, beginner: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, one name space a page, as a notebook would; minilm is a tiny model in the hub's cache."""
    from syneg_cli.data import demo

    hub = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2"
    shutil.copytree(tiny_model, hub / "snapshots" / "abc")
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("abc")
    write_dataset(Path("scifact"))
    shutil.copytree(tiny_model, "my-model")
    written = Path(".syneg/my-corpus/queries/default.jsonl")
    written.parent.mkdir(parents=True)
    write_synthetic_queries(written, [SyntheticQuery("d5", 1, "is recall better after sleep", "p", "m", "k")])
    demo.write_dataset(Path("syneg-demo") / demo.DATASET)
    demo.write_recordings(Path("syneg-demo"))
    ran = 0
    with ChatServer(writer_and_judge) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for page in PAGES:
            names: dict[str, object] = {}
            for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
                exec(compile(block, page.name, "exec"), names)
                ran += 1
    assert ran >= 5

"""What the documents say is true: keys, commands, numbers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from syneg_cli.cli.commands import COMMANDS
from syneg_cli.stages.documents import example_text, settings_page
from syneg_cli.stages.project import resolve, setting_keys
from syneg_cli.stages.project_text import flatten
from syneg_cli.stages.settings import Project
from tests.conftest import QRELS, Cli, write_dataset
from tests.servers import Body, ChatServer, EmbedServer, Reply, good_reply, negatives_text, prompt_of

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


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"])
def test_every_named_file_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{name} links to {target}"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^\$ (syneg .*?)(?:\s+#.*)?$", re.MULTILINE)


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
            result = beginner(*shlex.split(line)[1:])
            assert result.code == 0, f"{line}\n{result.err}"


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

"""From a folder of documents, and nothing else, to a fine-tuned model: `init`, then `run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import named, read_jsonl, read_synthetic_queries, write_jsonl
from syneg_cli.data import demo
from tests.conftest import Cli
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of

WORK = Path(".syneg/articles-data")
FAST = ("--set", "queries.retriever=bm25", "--set", "train.epochs=1", "--set", "train.max_length=32")
WHOLE = ("--set", "documents.tokens=0")

pytestmark = pytest.mark.slow


@pytest.fixture
def articles(cli: Cli) -> dict[str, str]:
    """200 of the demo's articles as Markdown files in articles/; their file -> what they are about."""
    demo.write_dataset(Path("demo"))
    demo.write_recordings(Path("demo"))
    answered = {row["doc_id"] for row in read_jsonl(Path("demo/negatives.jsonl"))}
    rows = list(read_jsonl(Path("demo/corpus.jsonl")))
    chosen = sorted(rows, key=lambda row: row["_id"] not in answered)[:200]
    Path("articles").mkdir()
    for row in chosen:
        Path(f"articles/{row['_id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n", encoding="utf-8")
    assert len(chosen) == 200
    return {f"{row['_id']}.md": row["title"] for row in chosen}


def recorded() -> Path:
    """The demo's queries and negatives as an LLM would have written them for the files."""
    texts = {row["_id"]: row["text"] for row in read_jsonl(Path("demo/queries.jsonl"))}
    lines: list[dict[str, Any]] = []
    number: dict[str, int] = {}
    for answer in read_jsonl(Path("demo/negatives.jsonl")):
        doc_id = answer["doc_id"]
        number[doc_id] = number.get(doc_id, 0) + 1
        written = named("synthetic", f"{doc_id}.md", number[doc_id])
        lines.append({"doc_id": f"{doc_id}.md", "query": texts[answer["query_id"]]})
        lines.append({**answer, "query_id": written, "doc_id": f"{doc_id}.md"})
    write_jsonl(Path("recorded.jsonl"), lines)
    return Path("recorded.jsonl")


def check(result: Any, articles: dict[str, str]) -> dict[str, Any]:
    """A run from documents ended with all that it is to end with."""
    assert result.code == 0, result.err
    found: dict[str, Any] = result.json
    stages = [one["stage"] for one in found["stages"]]
    assert stages == ["import", "queries", "generate", "mine", "mix", "train", "eval", "eval"]
    imported, written = found["stages"][0], found["stages"][1]
    assert (imported["read"], imported["passages"]) == (200, 200)
    kept = [one for one in read_synthetic_queries(WORK / "queries/default.jsonl") if one.status == "ok"]
    assert len(kept) == written["queries"] > 50
    assert {one.doc_id for one in kept} <= articles.keys()
    evaluation = found["evaluation"]
    assert (evaluation["split"], evaluation["written_queries"]) == ("dev", evaluation["queries"])
    page = Path(str(found["report"])).read_text(encoding="utf-8")
    assert "no evidence" in page
    assert "what it cost" in page
    card = (Path(found["stages"][5]["path"]) / "README.md").read_text(encoding="utf-8")
    assert "0 judged ones, and" in card
    return found


def test_offline_with_recorded_answers(cli: Cli, articles: dict[str, str], tiny_model: Path) -> None:
    started = cli("init", "articles", "--llm", f"replay:{recorded()}")
    assert started.code == 0, started.err
    assert "makes it of articles" in started.out
    assert "`syneg run`" in started.err
    before = cli("status", "--json")
    assert before.code == 0, before.err
    states = {one["stage"]: one["state"] for one in before.json["stages"]}  # type: ignore[attr-defined]
    assert states == {"import": "to do"} | dict.fromkeys(
        ("queries", "generate", "mine", "mix", "train", "eval"), "waits"
    )
    run = ("run", "--backbone", tiny_model, *FAST, *WHOLE, "--json")
    check(cli(*run), articles)
    again = cli(*run)
    assert again.code == 0, again.err
    assert all(one["skipped"] for one in again.json["stages"])  # type: ignore[attr-defined]
    now = cli("status", "--backbone", tiny_model, *FAST, *WHOLE, "--json")
    assert {one["state"] for one in now.json["stages"]} <= {"up to date", "not run"}, now.out  # type: ignore[attr-defined]
    next(Path("articles").iterdir()).write_text("# Something else\n\nA text of another kind.\n")
    stale = cli("status", "--backbone", tiny_model, *FAST, *WHOLE, "--json").json["stages"]
    assert (stale[0]["stage"], stale[0]["state"]) == ("import", "stale")  # type: ignore[index]


def test_against_a_server(
    cli: Cli, articles: dict[str, str], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts hold the articles; what the server writes about each comes from its title."""

    def respond(body: Body, number: int) -> Reply:
        prompt = prompt_of(body)
        if '"queries"' not in prompt:
            return good_reply(body, number)
        title = prompt.split("<document>")[1].strip().split("\n")[0]
        return Reply(text=json.dumps({"queries": [f"how to go about {title.lower()}", ""]}))

    with ChatServer(respond) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert cli("init", "articles", "--llm", "ollama:m").code == 0
        found = check(cli("run", "--backbone", tiny_model, *FAST, *WHOLE, "--json"), articles)
        calls = len(server.requests)
        assert calls == found["stages"][1]["calls"] + found["stages"][2]["calls"]
        assert cli("run", "--backbone", tiny_model, *FAST, *WHOLE).code == 0
        assert len(server.requests) == calls, "nothing is asked twice"


def test_too_few_queries_are_said_before_more_is_paid_for(cli: Cli, tiny_model: Path) -> None:
    Path("articles").mkdir()
    Path("articles/a.md").write_text("# Sleep\n\nSleep after learning improves memory of word lists.\n")
    write_jsonl(Path("r.jsonl"), [{"doc_id": "a.md", "query": "does rest help to recall words"}])
    assert cli("init", "articles", "--llm", "replay:r.jsonl").code == 0
    result = cli("run", "--backbone", tiny_model, *FAST)
    assert result.code == 2
    assert "articles-data has no split 'test'" in result.err
    assert not (WORK / "synthetic").exists()


def test_another_data_set_imports_nothing(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """`syneg run OTHER` in a project of documents is about the other one."""
    Path("articles").mkdir()
    Path("articles/a.md").write_text("# A\n\nA text.\n")
    assert cli("init", "articles", "--llm", "replay:x.jsonl").code == 0
    strategy = ("--strategy", "retrieved", "--set", 'mine.miners=["bm25"]', "--set", "dataset.dev_fraction=0")
    result = cli("run", tiny, *strategy, "--backbone", tiny_model, *FAST, "--json")
    assert result.code == 0, result.err
    assert next(one["stage"] for one in result.json["stages"]) == "mine"  # type: ignore[attr-defined]
    assert result.json["report"] is None
    assert not Path("articles-data").exists()


def judged_project(cli: Cli) -> tuple[str, ...]:
    """A project that begins with three documents, and what imports them with judgements of people."""
    for name, text in {
        "a": "Sleep helps memory.",
        "b": "Milk has calcium.",
        "c": "Cars have wheels.",
    }.items():
        Path("articles").mkdir(exist_ok=True)
        Path(f"articles/{name}.md").write_text(f"# {name}\n\n{text}\n", encoding="utf-8")
    answers = [
        {"doc_id": f"{name}.md", "query": text} for name, text in [("a", "rest and recall"), ("b", "x y")]
    ]
    write_jsonl(Path("r.jsonl"), answers)
    assert cli("init", "articles", "--llm", "replay:r.jsonl").code == 0
    Path("queries.tsv").write_text("q1\tdoes a night of rest help\n", encoding="utf-8")
    Path("test.trec").write_text("q1 0 a.md 1\n", encoding="utf-8")
    return ("import", "articles", *WHOLE, "--queries", "queries.tsv", "--qrels", "test.trec")


def import_of(cli: Cli, command: str, *more: Any) -> Any:
    """The import's part in what a command says; `run` has nothing to train on here, and ends after it."""
    result: Any = cli(command, *WHOLE, *more, "--json")
    return result.json["stages"][0] if command == "status" else result.err


def test_run_keeps_what_people_judged(cli: Cli, tiny_model: Path) -> None:
    """The queries and judgements that `syneg import` was given are those of the project from then on."""
    asked = judged_project(cli)
    made = cli(*asked)
    assert made.code == 0, made.err
    assert "Next: `syneg run`" in made.err, "there is a project already"
    assert import_of(cli, "status")["state"] == "up to date"
    judged = Path("articles-data/qrels/test.tsv")
    assert "import: up to date" in import_of(cli, "run", "--backbone", tiny_model, *FAST)
    assert judged.is_file()
    Path("articles/c.md").write_text("# c\n\nCars have doors.\n", encoding="utf-8")
    assert import_of(cli, "status")["detail"] == "documents changed"
    assert "import: running (documents changed)" in import_of(cli, "run", "--backbone", tiny_model, *FAST)
    assert judged.read_text(encoding="utf-8").split()[-3:] == ["q1", "a.md", "1"]
    assert "doors" in Path("articles-data/corpus.jsonl").read_text(encoding="utf-8")
    Path("test.trec").write_text("q1 0 b.md 1\n", encoding="utf-8")
    stale = import_of(cli, "status")
    assert (stale["state"], stale["detail"]) == ("stale", "queries and judgements changed")


def test_judgements_that_are_gone_are_not_dropped(cli: Cli, tiny_model: Path) -> None:
    assert cli(*judged_project(cli)).code == 0
    Path("test.trec").unlink()
    assert import_of(cli, "status")["detail"] == "test.trec is gone"
    refused = cli("run", *WHOLE, "--backbone", tiny_model, *FAST)
    assert refused.code == 2
    assert "test.trec is gone" in refused.err
    assert "syneg import articles --output articles-data --queries FILE --qrels FILE" in refused.err
    assert Path("articles-data/qrels/test.tsv").is_file()
    Path("judged").mkdir()
    for name, text in {
        "queries.tsv": "q1\tdoes a night of rest help\n",
        "test.trec": "q1 0 a.md 1\n",
    }.items():
        Path("judged", name).write_text(text, encoding="utf-8")
    moved = cli(
        "import", "articles", *WHOLE, "--queries", "judged/queries.tsv", "--qrels", "judged/test.trec"
    )
    assert "up to date" in moved.err, "the same bytes, from elsewhere"
    assert import_of(cli, "status")["state"] == "up to date"
    without = cli("import", "articles", *WHOLE)
    assert without.code == 0
    assert "had queries and judgements, and has none now" in without.err
    assert import_of(cli, "status")["state"] == "up to date", "who imports without them means it"

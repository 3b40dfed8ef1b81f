"""What was made of a data set and what it cost: each result by its manifest, money over all runs, once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Manifest, Workspace, manifest_path, write_manifest
from syneg_cli.core.files import write_text
from syneg_cli.report.costs import NOT_IN_IT, results_table
from syneg_cli.report.models import read_models
from syneg_cli.report.page import to_html, to_markdown
from syneg_cli.report.results import read_results
from syneg_cli.report.sections import page_of
from syneg_cli.report.wording import settings_lines
from tests.conftest import Cli, write_dataset
from tests.report.conftest import add_model, facts_of, measured
from tests.servers import ChatServer, Reply, good_reply, prompt_of

BY = {"llm": "openai:m", "prompt": "syneg", "endpoint": "https://api.example"}


def total(spent: float, lost: float = 0.0, unpriced: int = 0) -> dict[str, Any]:
    return {"calls": 9, "spent_usd": spent, "lost_usd": lost, "unpriced_calls": unpriced}


def add(
    path: Path, stage: str, counts: Mapping[str, Any], settings: Mapping[str, Any] = {}, **more: Any
) -> Path:
    write_text(path, "{}\n")
    write_manifest(path, Manifest(stage, {}, settings, counts, **{"seconds": 60.0} | more))
    return path


def generated(work: Workspace, name: str, bill: Mapping[str, Any], **by: Any) -> Path:
    return add(work.synthetic(name), "generate", {"negatives": 30, "total": bill}, BY | by)


def weighing(weight: float) -> dict[str, Any]:
    return {"weight of LLM-written queries": weight}


def page(work: Workspace, folder: Path | None = None) -> str:
    return to_markdown(page_of(facts_of(work, results=read_results(work, folder))))


def cells(work: Workspace, folder: Path | None = None) -> dict[tuple[str, str], list[str]]:
    """(stage, name) -> the other cells; the sum's time and cost under ("sum", "")."""
    return {(row[0], row[1]): list(row[2:]) for row in results_table(read_results(work, folder)).rows}


def test_a_row_for_each_result_in_the_order_of_the_stages(work: Workspace, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "tiny")
    write_manifest(folder, Manifest("import", {}, {}, {"read": 3, "passages": 7}, seconds=2.0))
    counts = {"queries": 8, "dropped": {"copy": 3, "not found": 1}, "total": total(0.25, lost=0.25)}
    add(work.queries("default"), "queries", counts, BY | {"prompt": "queries"})
    generated(work, "default", total(1.0))
    add(work.synthetic("default.mirror"), "mirror-queries", {"queries": 1}, BY, cost_usd=0.125)
    add(work.mined("bm25"), "mine", {"negatives": 1})
    judge = {"job": "j", "llm": "openai:judge", "prompt": "judge-graded"} | total(2.0)
    checks = {"checks": {"judge": {"llm": "openai:judge"}, "margin": {"margin": 0.1}}}
    verdicts = {"checked": {"bm25": 40}, "false_negatives": {"bm25": 3}, "judges": [judge]}
    add(work.verified(work.mined("bm25")), "verify", verdicts, checks)
    add(work.mixed("hybrid"), "mix", {"instances": 12, "mirrored": 4})
    add_model(work, "m", **weighing(0.5))
    _with_counts(work.model("m"), pairs=12, mix={"written_queries": 5})
    add(work.evaluation("m-test"), "eval", {"ndcg@10": 0.75, "queries": 8})
    found = cells(work, folder)
    assert found.pop(("mix", "m"))[0] == "–", "a manifest that has no counts leaves its words out"
    assert found == {
        ("import", "tiny"): ["3 documents, 7 passages", "–", "–", "2.0s", "–"],
        ("queries", "default"): ["8 of 12 queries kept", "openai:m", "queries", "1m 00s", "$0.5000"],
        ("generate", "default"): ["30 negatives", "openai:m", "syneg", "1m 00s", "$1.00"],
        ("mirror-queries", "default.mirror"): ["1 query", "openai:m", "syneg", "1m 00s", "$0.1250"],
        ("mine", "bm25"): ["1 negative", "–", "–", "1m 00s", "–"],
        ("verify", "mined-bm25"): [
            "3 of 40 called relevant (judge, margin)",
            "openai:judge",
            "judge-graded",
            "1m 00s",
            "$2.00",
        ],
        ("mix", "hybrid"): ["12 pairs, 4 mirrored", "–", "–", "1m 00s", "–"],
        ("train", "m"): ["4 steps, 12 pairs, 5 of LLM-written queries (weight 0.5)", "–", "–", "0.0s", "–"],
        ("eval", "m-test"): ["nDCG@10 0.7500, 8 queries", "–", "–", "1m 00s", "–"],
        ("sum", ""): ["", "", "", "7m 02s", "$3.62"],
    }
    stages = [stage for stage, _ in found]
    assert stages[:5] == ["import", "queries", "generate", "mirror-queries", "mine"]
    assert stages[5:] == ["verify", "mix", "train", "eval", "sum"]


def _with_counts(folder: Path, **counts: Any) -> None:
    file = folder / "syneg.manifest.json"
    manifest = json.loads(file.read_text())
    manifest["counts"] |= counts
    file.write_text(json.dumps(manifest))


def test_what_several_results_share_counts_once(work: Workspace) -> None:
    """Shards of one result, and files that one judge looked at, have one total, which grows."""
    generated(work, "default.shard-1-of-2", total(1.0))
    generated(work, "default.shard-2-of-2", total(3.0))
    generated(work, "default", total(3.0))
    generated(work, "other", total(4.0))
    generated(work, "default.mirror", total(8.0), llm="openai:another")
    for name, spent in (("bm25", 0.5), ("dense", 0.75)):
        verdicts = {"judges": [{"job": "j", "llm": "openai:m", "prompt": "judge"} | total(spent)]}
        add(work.verified(work.mined(name)), "verify", verdicts, {"checks": {"judge": {}}})
    found = {row: cell[-1] for row, cell in cells(work).items()}
    assert found["generate", "default"] == "$3.00"
    assert found["generate", "default.shard-1-of-2"] == "with generate default"
    assert found["generate", "default.shard-2-of-2"] == "with generate default"
    assert found["generate", "other"] == "$4.00"
    assert found["generate", "default.mirror"] == "$8.00", "another model has a total of its own"
    assert found["verify", "mined-bm25"] == "with verify mined-dense"
    assert found["verify", "mined-dense"] == "$0.7500"
    assert found["sum", ""] == "$15.75"
    add_model(work, "m")
    assert "Of shards that were made with caches of their own only the largest sum counts." in page(work)


def test_a_pilot_of_every_pair_leaves_its_cost_to_the_whole(work: Workspace) -> None:
    """The job is the same, and so is what it cost: what a model learned from is what was paid for."""
    generated(work, "default", total(1.0))
    made = json.loads(manifest_path(work.synthetic("default")).read_text(encoding="utf-8"))
    add(work.pilot("default"), "pilot", made["counts"], made["settings"])
    found = {row: cell[-1] for row, cell in cells(work).items()}
    assert found["generate", "default"] == "$1.00"
    assert found["pilot", "default"] == "with generate default"


@pytest.mark.parametrize(
    ("counts", "more", "cost", "in_all"),
    [
        ({"total": total(0.0)}, {}, "–", "$1.00"),
        ({"total": total(0.0, unpriced=3)}, {}, "unknown", "at least $1.00"),
        ({"total": total(0.5, unpriced=3)}, {}, "at least $0.5000", "at least $1.50"),
        ({"total": total(float("-1"))}, {}, "unknown", "at least $1.00"),
        ({"total": total(0.5) | {"lost_usd": "much"}}, {}, "at least $0.5000", "at least $1.50"),
        ({"total": total(10**400)}, {}, "unknown", "at least $1.00"),
        ({"total": []}, {}, "unknown", "at least $1.00"),
        ({}, {}, "unknown", "at least $1.00"),
        ({}, {"cost_usd": 0.5}, "$0.5000", "$1.50"),
    ],
)
def test_an_unknown_price_is_never_nothing(
    work: Workspace, counts: dict[str, Any], more: dict[str, Any], cost: str, in_all: str
) -> None:
    generated(work, "a", total(1.0))
    add(work.synthetic("b"), "generate", counts, BY, **more)
    found = cells(work)
    assert (found["generate", "b"][-1], found["sum", ""][-1]) == (cost, in_all)


def test_verdicts_of_a_judge_whose_cost_nobody_noted(work: Workspace) -> None:
    path = work.verified(work.mined("bm25"))
    add(
        path,
        "verify",
        {"checked": {"bm25": 4}, "false_negatives": {"bm25": 1}},
        {"checks": {"judge": {"llm": "x:y"}}},
    )
    found = cells(work)["verify", "mined-bm25"]
    assert found == ["1 of 4 called relevant (judge)", "x:y", "–", "1m 00s", "unknown"]
    add(path, "verify", {}, {"checks": {"margin": {}}})
    assert cells(work)["verify", "mined-bm25"][-1] == "–", "a model that runs here costs nothing"


@pytest.mark.parametrize("content", ['{"stage": "gen', "[]", '{"stage": "generate", "inputs": []}', None])
def test_a_manifest_that_cannot_be_read_leaves_its_result_out_with_a_line(
    work: Workspace, content: str | None
) -> None:
    add_model(work, "m")
    generated(work, "good", total(1.0))
    file = generated(work, "bad", total(7.0)).with_suffix(".manifest.json")
    file.unlink() if content is None else file.write_text(content)
    add(work.mined("moved"), "mix", {})
    found = cells(work)
    assert ("generate", "bad") not in found
    assert found["sum", ""][-1] == "$1.00"
    told = [note for note in read_results(work).notes if "moved" not in note]
    why = "it has no bad.manifest.json" if content is None else "bad.manifest.json is damaged"
    assert len(told) == 1
    assert told[0].startswith(f"synthetic/bad.jsonl is left out: {why}")
    text = page(work)
    assert "mined/moved.jsonl is left out: its manifest is of mix." in text
    assert "synthetic/bad.jsonl is left out" in text


@pytest.mark.parametrize("odd", [None, "many", -1, True, [1], {"a": "b"}, 1e400, -1.5])
def test_odd_counts_are_left_out_of_the_words(work: Workspace, odd: Any) -> None:
    names = ("read", "passages", "queries", "dropped", "negatives", "checked", "false_negatives", "judges")
    counts = dict.fromkeys(
        (*names, "instances", "mirrored", "steps", "pairs", "mix", "ndcg@10", "total"), odd
    )
    places = {
        "queries": work.queries("x"),
        "generate": work.synthetic("x"),
        "mirror-queries": work.synthetic("y"),
        "mine": work.mined("x"),
        "verify": work.verified(work.mined("x")),
        "mix": work.mixed("x"),
        "train": work.model("x"),
        "eval": work.evaluation("x"),
    }
    work.model("x").mkdir(parents=True)
    for stage, path in places.items():
        if stage != "train":
            add(path, stage, counts, {"llm": odd, "checks": odd})
        else:
            write_manifest(path, Manifest(stage, {}, {}, counts))
    results = read_results(work)
    assert [row.stage for row in results.rows] == list(places)
    assert {row.made for row in results.rows} == {""}
    results_table(results)


def test_the_page_has_the_section_and_says_what_the_sum_does_not_hold(work: Workspace) -> None:
    add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    generated(work, "default", total(0.25), llm="<b>|m")
    text = page(work)
    assert "\nEvery result, and what it cost:\n" in text
    assert r"| generate | default | 30 negatives | \<b>\|m | syneg | 1m 00s | $0.2500 |" in text
    assert NOT_IN_IT in text
    html = to_html("x", page_of(facts_of(work)))
    assert "<td>&lt;b&gt;|m</td>" in html
    assert "<summary>Every result, and what it cost</summary>" in html


def test_llm_written_queries_that_a_model_learned_from_are_said_with_their_weight(work: Workspace) -> None:
    add_model(work, "none")
    assert not any("LLM-written" in line for line in settings_lines(read_models(work)[0]))
    add_model(work, "some", **weighing(0.5))
    _with_counts(work.model("some"), pairs=40, mix={"strategy": "hybrid", "written_queries": 12})
    add_model(work, "old", **weighing(1.0))
    told = [line for line in settings_lines(read_models(work)[0]) if "LLM-written" in line]
    assert told == [
        "LLM-written queries: none learned from none; old learned from some, of weight 1.0; "
        "some learned from 12 of 40 pairs with one, of weight 0.5."
    ]


def judge_or_write(body: Any, number: int) -> Reply:
    if "<document>" in prompt_of(body) and '"evidence"' in prompt_of(body):
        return Reply(text=json.dumps({"reasoning": "r", "evidence": "", "relevant": False}))
    return good_reply(body, number)


@pytest.mark.slow
def test_the_judges_calls_are_in_the_sum_as_is_what_came_before(
    cli: Cli, work: Workspace, tiny: Path, tiny_model: Path
) -> None:
    """From the calls of a priced model to the page, over a run that a cap stopped and another check."""
    Path("syneg.toml").write_text(
        f'work_dir = "{work.root}"\n[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[generate]\nllm = "openai:m"\n'
        f'price = [1000, 2000]\n[mine]\nminers = ["bm25"]\n[train]\nbackbone = "{tiny_model}"\n',
        encoding="utf-8",
    )
    add_model(work, "m")
    with ChatServer(judge_or_write) as server:
        url = ("--base-url", server.openai_url)
        judge = ("verify", "--check", "judge", *url)
        for command, code in (
            (("generate", *url), 0),
            (("mine",), 0),
            ((*judge, "--max-calls", "2"), 1),
            (judge, 0),
        ):
            done = cli(*command, "--json")
            assert done.code == code, done.err
        judged = len(server.requests) - 3
        again = cli("verify", "--check", "margin", "--json")
        assert again.code == 0, again.err
        assert len(server.requests) == judged + 3
    report = cli("report", "--json")
    assert report.code == 0, report.err
    rows: Any = report.json["results"]
    found = {(row["stage"], row["name"]): row for row in rows}
    leader, *others = sorted((row for row in rows if row["stage"] == "verify"), key=lambda row: -row["cost"])
    assert (leader["llm"], leader["prompt"], leader["counted_with"]) == ("openai:m", "judge", None)
    assert [(row["cost"], row["counted_with"]) for row in others] == [(0, f"verify {leader['name']}")]
    stats: Any = cli("cache", "stats", "--json").json["rows"]
    paid = {row["prompt"]: row["cost_usd"] for row in stats}
    assert leader["cost"] == pytest.approx(paid["judge"])
    assert found["generate", "default"]["cost"] == pytest.approx(paid["syneg"])
    in_all: Any = report.json["total"]
    assert in_all["cost"] == pytest.approx(sum(paid.values()))
    assert in_all["cost"] > 0
    assert in_all["unknown"] == 0
    assert f"All results together cost ${in_all['cost']:.4f}"[:-2] in cli("report").out


def test_an_import_is_found_by_the_name_of_the_data_set(cli: Cli, work: Workspace, tiny: Path) -> None:
    add_model(work, "m")
    write_manifest(tiny, Manifest("import", {}, {}, {"passages": 6}))
    here = ("--work-dir", work.root, "--json")
    for options in ((tiny,), ("tiny", "--set", f"dataset.data_dir={tiny.parent}")):
        done = cli("report", *options, *here)
        assert done.code == 0, done.err
        rows: Any = done.json["results"]
        assert [row["made"] for row in rows if row["stage"] == "import"] == ["6 passages"]
    tiny.joinpath("syneg.manifest.json").write_text("{")
    torn = cli("report", tiny, *here)
    why = "syneg.manifest.json is damaged, or of an unfinished run."
    assert torn.json["results_left_out"] == [f"{tiny.parent.name}/tiny is left out: {why}"]
    assert "tiny is left out" in torn.err


def test_mirrored_queries_cost_what_all_runs_did(cli: Cli, tiny: Path) -> None:
    """A cap stops the first run; what it paid for is in the manifest of the second one."""
    Path("syneg.toml").write_text('[generate]\nllm = "openai:m"\nprice = [1000, 2000]\n', encoding="utf-8")

    def answer(body: Any, number: int) -> Reply:
        mirrors = '"query"' in prompt_of(body) and '"negatives"' not in prompt_of(body)
        text = json.dumps({"query": f"a query of its own, number {number}"})
        return Reply(text=text) if mirrors else good_reply(body, number)

    with ChatServer(answer) as server:
        url = ("--base-url", server.openai_url)
        assert cli("generate", tiny, *url).code == 0
        mirror = ("generate", tiny, *url, "--prompt", "mirror-queries")
        stopped = cli(*mirror, "--max-calls", "1")
        assert stopped.code == 1, stopped.err
        assert "Raise the cap and run the same command again" in stopped.err
        done = cli(*mirror, "--json")
        assert done.code == 0, done.err
    stats: Any = cli("cache", "stats", "--json").json["rows"]
    paid = {row["prompt"]: row["cost_usd"] for row in stats}["mirror-queries"]
    (row,) = [
        row for row in read_results(Workspace(Path(".syneg"), "tiny")).rows if row.stage == "mirror-queries"
    ]
    assert row.usd == pytest.approx(paid)
    last: Any = done.json["cost_usd"]
    assert row.usd > last > 0

"""Whatever is left of a result, or of a manifest, each command that reads it goes on or says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import Manifest, Workspace, read_manifest, write_jsonl, write_manifest
from syneg_cli.core.files import file_hash
from tests.conftest import write_dataset
from tests.fuzz.commands import Project
from tests.fuzz.damage import edited
from tests.fuzz.test_files import in_one_line, many
from tests.fuzz.test_recorded import RECORDED
from tests.report.conftest import add_model, measured

WORK = Path(".syneg/tiny")
READERS: dict[str, list[tuple[str, ...]]] = {
    "synthetic/default.jsonl": [("mix", "--force"), ("status",), ("export", "--output", "out.jsonl")],
    "mined/bm25.jsonl": [("mix", "--force"), ("status",), ("mine",)],
    "verified/mined-bm25.jsonl": [("mix", "--force")],
    "mixed/hybrid.jsonl": [("export", "--output", "out.jsonl"), ("mix",), ("status",)],
    "synthetic/default.manifest.json": [("status",), ("generate",), ("mix",)],
    "mined/bm25.manifest.json": [("status",), ("mine",)],
    "verified/mined-bm25.manifest.json": [("mix",)],
    "mixed/hybrid.manifest.json": [("status",), ("mix",), ("export", "--output", "out.jsonl")],
    "eval/run-test.json": [("eval", "--run", "run.trec")],
    "eval/run-test.manifest.json": [("eval", "--run", "run.trec"), ("status",)],
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("artefacts")
    write_dataset(folder / "tiny")
    (folder / "recorded.jsonl").write_text(RECORDED)
    (folder / "run.trec").write_text("q3 Q0 d5 1 2.0 x\nq3 Q0 d1 2 1.0 x\n")
    (folder / "syneg.toml").write_text(
        '[dataset]\nname = "tiny"\ndev_fraction = 0\n[generate]\nllm = "replay:recorded.jsonl"\n'
        '[mine]\nminers = ["bm25"]\ndepth = 2\n[mix]\nnegatives = 2\n'
    )
    made = Project(folder)
    for command in (("generate",), ("mine",)):
        assert made(*command)[0] == 0
    mined, verified = folder / WORK / "mined/bm25.jsonl", folder / WORK / "verified/mined-bm25.jsonl"
    first = json.loads(mined.read_text().split("\n")[0])
    found = {
        "query_id": first["query_id"],
        "doc_id": first["doc_id"],
        "index": None,
        "relevant_by": ["judge"],
    }
    found |= {"scores": {"judge": 1.0}, "evidence": {"judge": "x"}, "status": "dropped", "reason": "judge"}
    write_jsonl(verified, [found])
    write_manifest(verified, Manifest("verify", {"negatives": file_hash(mined)}, {"checks": {"judge": {}}}))
    assert made("mix")[0] == 0
    assert made("eval", "--run", "run.trec")[0] == 0
    stored = next((folder / WORK / "eval").glob("run*test.json"))
    for path in sorted(stored.parent.iterdir()):
        path.rename(path.with_name(path.name.replace(stored.stem, "run-test")))
    made.keep()
    return made


@many
@given(
    st.sampled_from(sorted(READERS)).flatmap(
        lambda file: st.tuples(st.just(file), st.sampled_from(READERS[file]))
    ),
    st.data(),
)
def test_results_and_manifests(
    project: Project, case: tuple[str, tuple[str, ...]], data: st.DataObject
) -> None:
    file, command = case
    path = project.folder / WORK / file
    good = path.read_text(encoding="utf-8")
    path.write_bytes(data.draw(edited(good)))
    try:
        code, said = project(*command)
        if code == 2:
            assert path.name in said or "again" in said or "Run `syneg" in said, said
        manifest = read_manifest(path)
        assert manifest is None or isinstance(manifest.counts, dict)
    finally:
        project.restore()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("trained")
    work = Workspace(folder / ".syneg", "tiny")
    add_model(work, "a")
    measured(work, "a", [0.5, 1.0, 0.25])
    made = Project(folder)
    made.keep()
    return made


MODEL_FILES = (
    "models/a/training.jsonl",
    "models/a/syneg.manifest.json",
    "models/a/config_sentence_transformers.json",
    "mixed/a.manifest.json",
    "eval/a-test.json",
    "eval/a-test.manifest.json",
)


@many
@given(st.sampled_from(MODEL_FILES), st.data())
def test_what_a_report_reads(trained: Project, file: str, data: st.DataObject) -> None:
    from syneg_cli.cli.render.reported import models, summary
    from syneg_cli.report.models import read_models
    from syneg_cli.report.wording import models_table

    path = trained.folder / WORK / file
    path.write_bytes(data.draw(edited(path.read_text(encoding="utf-8"))))
    try:
        with in_one_line(trained.folder):
            found, _ = read_models(Workspace(trained.folder / ".syneg", "tiny"))
            models_table(found, "test")
            models(found, "test")
            json.dumps([summary(one) for one in found], default=str).encode()
    finally:
        trained.restore()

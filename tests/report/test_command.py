"""`syneg report`, from training to a page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from syneg_cli.core.artifacts import Workspace
from syneg_cli.data.downloads import download_folder
from syneg_cli.training.recorder import RECORDING
from tests.cli.test_app import modules_after
from tests.conftest import Cli, write_dataset
from tests.report.conftest import add_model


@pytest.fixture
def trained(cli: Cli, tiny: Path, tiny_model: Path) -> Cli:
    """Two models: `one` is measured, `two` is not."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25", "random"]\n'
        f'[mix]\nstrategy = "retrieved"\n[train]\nbackbone = "{tiny_model}"\nepochs = 2\nbatch_size = 2\n',
        encoding="utf-8",
    )
    for command in (
        ["mine"],
        ["mix"],
        ["train", "--output", "one"],
        ["train", "--output", "two", "--lr", "1e-3"],
    ):
        assert cli(*command, "-q").code == 0
    assert cli("eval", "--model", "one", "-q").code == 0
    return cli


@pytest.mark.slow
def test_from_training_to_a_report(trained: Cli) -> None:
    done = trained("report", "--json")
    assert done.code == 0, done.err
    made = done.json["models"]
    assert isinstance(made, list)
    one, two = made
    assert (one["name"], two["name"]) == ("one", "two")
    assert one["steps"] == 4
    assert one["strategy"] == "retrieved"
    assert one["to_backbone"] is not None
    assert two["ndcg@10"] is None
    manifest = json.loads(Path(".syneg/tiny/models/one/syneg.manifest.json").read_text())
    assert one["gradient_variance"] == pytest.approx(manifest["counts"]["gradient_variance"])
    folder = Path(".syneg/tiny/report")
    figures = done.json["figures"]
    assert isinstance(figures, list)
    drawn = {Path(figure).name for figure in figures}
    assert {"answer.svg", "queries.svg", "nearness.svg", "loss.svg"} <= drawn
    assert {path.name for path in folder.iterdir()} == {
        "report.md",
        "report.html",
        "syneg.manifest.json",
        *drawn,
    }
    shown = trained("report", "--model", "two", "--output", "there")
    assert shown.code == 0, shown.err
    assert "there/report.html" in shown.out
    assert f"**{shown.out.splitlines()[0]}**" in Path("there/report.md").read_text(), "the answer"
    assert "two" in shown.out
    assert "│ one" not in shown.out
    assert "syneg eval tiny --model two" in Path("there/report.md").read_text()
    assert "Differs: lr" in (folder / "report.md").read_text()


@pytest.mark.slow
def test_a_report_needs_no_data(trained: Cli, tiny: Path) -> None:
    assert "no texts" not in page_after(trained, "report")
    shutil.rmtree(tiny)
    page = page_after(trained, "report")
    assert "The data set cannot be read, so the page has no texts" in page
    assert "How near each source" not in page
    Path("syneg.toml").unlink()
    assert trained("report", "tiny").code == 0


@pytest.mark.slow
def test_a_sample_is_encoded_once_and_only_if_it_is_wanted(trained: Cli) -> None:
    without = trained("report", "--sample", "0")
    assert without.code == 0, without.err
    assert "Encoding" not in without.err
    assert "Loading" not in without.err
    assert "How near each source" not in Path(".syneg/tiny/report/report.md").read_text()
    assert "sample of the report" not in kept()
    page = page_after(trained, "report")
    assert "How near each source" in page
    assert "Similarity by" in page
    first = kept()
    assert "sample of the report" in first
    assert page_after(trained, "report") == page
    assert kept() == first, "from the cache"
    assert trained("report", "--sample", "-1").code == 2


@pytest.mark.slow
def test_a_backbone_that_is_not_here_is_neither_fetched_nor_loaded(trained: Cli) -> None:
    for name in ("one", "two"):
        file = Path(f".syneg/tiny/models/{name}/syneg.manifest.json")
        manifest = json.loads(file.read_text())
        manifest["settings"]["backbone"] = "nobody/has-this"
        file.write_text(json.dumps(manifest))
    assert "nobody/has-this is not a model on this machine" in page_after(trained, "report")


@pytest.mark.slow
def test_texts_of_the_corpus_and_the_llm_are_text(trained: Cli, tiny: Path) -> None:
    corpus = (tiny / "corpus.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in corpus]
    for row in rows:
        row["text"] += " <script>alert(1)</script><img src=x onerror=alert(1)>"
    (tiny / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page_after(trained, "report")
    html = Path(".syneg/tiny/report/report.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html
    assert "<img" not in html


def kept() -> dict[str, list[int]]:
    """What the vectors of the cache are of -> when they were written."""
    found: dict[str, list[int]] = {}
    for file in sorted(Path(".syneg/embeddings").glob("*/entry.json")):
        written = (file.parent / "vectors.npy").stat().st_mtime_ns
        found.setdefault(json.loads(file.read_text())["texts"], []).append(written)
    return found


def page_after(trained: Cli, *args: str) -> str:
    done = trained(*args)
    assert done.code == 0, done.err
    return Path(".syneg/tiny/report/report.md").read_text()


@pytest.mark.slow
def test_a_data_set_goes_by_the_name_of_the_folder_behind_a_link(trained: Cli, tiny: Path) -> None:
    Path("link").symlink_to(tiny)
    assert trained("report", "link").code == 0


@pytest.mark.slow
def test_bad_models_of_a_data_set(trained: Cli) -> None:
    Path(".syneg/tiny/models/one", RECORDING).unlink()
    some = trained("report")
    assert some.code == 0
    assert some.err.count("one is left out: it has no recording") == 1
    wrong = trained("report", "--model", "tow")
    assert wrong.code == 2
    assert "Did you mean 'two'?" in wrong.err
    Path(".syneg/tiny/models/two/syneg.manifest.json").write_text('{"stage": ')
    none = trained("report")
    assert none.code == 2
    assert "torn" in none.err
    assert "Run `syneg train" in none.err
    Path("file").write_text("")
    assert trained("report", "--output", "file").code == 2


def test_without_models_the_next_step_is_named(cli: Cli, work: Workspace, tiny: Path) -> None:
    result = cli("report", tiny)
    assert result.code == 2
    assert result.err.count("\n") == 2
    assert "No trained model for tiny" in result.err
    assert f"Run `syneg train {tiny}`." in result.err
    assert not Path(".syneg").exists()
    unnamed = cli("report")
    assert unnamed.code == 2
    assert "No data set named" in unnamed.err
    add_model(work, "m")
    near = cli("report", "tinny", "--work-dir", work.root)
    assert near.code == 2
    assert "Did you mean 'tiny'?" in near.err


def test_help_imports_no_library_that_draws() -> None:
    assert not modules_after("report", "--help") & {"matplotlib", "numpy", "torch"}


def test_a_data_set_from_elsewhere_is_not_the_one_that_its_name_ends_with(
    trained: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hub:OWNER/tiny` has results of its own; those of the folder `tiny` are there, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    write_dataset(download_folder() / "hub--owner--tiny")
    early = trained("report", "hub:owner/tiny", "--sample", 0)
    assert early.code == 2
    assert "No trained model for hub--owner--tiny" in early.err
    for command in ("mine", "mix", "train"):
        more = ("--output", "three") if command == "train" else ()
        assert trained(command, "hub:owner/tiny", *more, "-q").code == 0
    done = trained("report", "hub:owner/tiny", "--sample", 0, "--json")
    assert done.code == 0, done.err
    assert [one["name"] for one in done.json["models"]] == ["three"]  # type: ignore[attr-defined]

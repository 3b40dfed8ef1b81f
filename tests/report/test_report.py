"""`syneg report`: recordings read, smoothed, drawn and put on a page."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from syneg_cli.core.artifacts import Manifest, Workspace, write_manifest
from syneg_cli.core.errors import MissingArtifact, UsageError
from syneg_cli.core.files import file_hash, write_text
from syneg_cli.encoding.loading import weights_hash
from syneg_cli.report.figures import FIGURES, write_figures
from syneg_cli.report.models import read_models
from syneg_cli.report.page import Rows, Text
from syneg_cli.report.recordings import Curve, Recording, pieces, read_recording, smooth, thin, window_for
from syneg_cli.report.wording import READINGS, models_table, paper_lines, settings_lines
from syneg_cli.report.write import write_report
from syneg_cli.training.recorder import FILE
from tests.cli.test_app import modules_after
from tests.conftest import Cli

LOSSES = (1.0, 0.5, 0.75, 0.25)
NORMS = (2.0, 4.0, 4.0, 6.0)
"""Mean 4, squared distances 4, 0, 0, 4: the variance is 2."""


def row(step: int, **changes: Any) -> dict[str, Any]:
    base = {
        "step": step,
        "loss": LOSSES[(step - 1) % 4],
        "gradient_norm": NORMS[(step - 1) % 4],
        "lr": 1e-5,
        "positive_similarity": 0.5 + step / 100,
        "mined": {"count": 4, "similarity": 0.25, "violated": 0.5, "loss": 0.1, "pull": 0.2},
    }
    return base | changes


def synthetic(violated: float) -> dict[str, Any]:
    return {"count": 2, "similarity": 0.125, "violated": violated, "loss": 0.1, "pull": 0.2}


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", "tiny")


def add_model(
    work: Workspace, name: str, strategy: str = "hybrid", *, steps: int = 4, **settings: Any
) -> Path:
    """A model folder as `train` leaves it, with its mix; the weights are a few bytes."""
    folder = work.model(name)
    write_rows(folder / FILE, [row(step, synthetic=synthetic(0.25)) for step in range(1, steps + 1)])
    (folder / "model.safetensors").write_bytes(name.encode())
    (folder / "config.json").write_text("{}")
    write_text(folder / "config_sentence_transformers.json", '{"similarity_fn_name": "cosine"}')
    mixed = work.mixed(name)
    write_text(mixed, f"{name}\n")
    negatives = {"dense": 1.8, "synthetic": 1.2}
    write_manifest(
        mixed,
        Manifest("mix", {}, {"strategy": strategy, "ratio": 0.7}, {"negatives_per_instance": negatives}),
    )
    inputs = {"training instances": file_hash(mixed), "backbone weights": "abc"}
    counts = {"steps": steps, "losses": [0.75, 0.5], "dev": [0.25, 0.75, 0.5], "temperature": 0.05}
    write_manifest(
        folder, Manifest("train", inputs, {"backbone": "minilm", "mix": name, "seed": 0} | settings, counts)
    )
    return folder


def add_evaluation(
    work: Workspace, name: str, values: Iterable[float], *, weights: str, **changes: Any
) -> None:
    per_query = {f"q{i}": value for i, value in enumerate(values)}
    mean = sum(per_query.values()) / len(per_query)
    found = {"name": name, "model": name, "dataset": "tiny", "split": "test", "precision": "fp32", "run": ""}
    path = work.evaluation(f"{name}-test")
    scores = {"metrics": {"ndcg@10": mean}, "per_query": {"ndcg@10": per_query}}
    write_text(path, json.dumps(found | scores | changes))
    write_manifest(path, Manifest("eval", {"corpus": "c", "test qrels": "t", "model": weights}, {}))


def measured(work: Workspace, name: str, values: Iterable[float]) -> None:
    add_evaluation(work, name, values, weights=weights_hash(str(work.model(name))))


# --- curves ------------------------------------------------------------------------------------


def test_smoothing_by_hand_and_nothing_at_the_ends() -> None:
    curve = Curve((1, 2, 3, 5, 8), (3.0, 0.0, 6.0, 9.0, 0.0))
    assert smooth(curve, 3) == Curve((2, 3, 5), (3.0, 5.0, 5.0))
    assert smooth(curve, 5) == Curve((3,), (3.6,))
    assert smooth(curve, 1) == curve
    assert smooth(curve, 7) == Curve()


def test_smoothing_a_straight_line_gives_the_line() -> None:
    """A mean of padded or cut windows would bend it at the ends."""
    line = Curve(tuple(range(1, 41)), tuple(float(step) for step in range(1, 41)))
    smoothed = smooth(line, 7)
    assert smoothed.values == pytest.approx(smoothed.steps)
    assert (smoothed.steps[0], smoothed.steps[-1]) == (4, 37)


@pytest.mark.parametrize(
    ("points", "window"), [(0, 1), (9, 1), (10, 5), (28, 5), (104, 11), (110, 11), (1000, 101), (10**5, 101)]
)
def test_the_window_is_a_tenth_odd_and_bounded(points: int, window: int) -> None:
    assert window_for(points) == window


def test_a_curve_is_cut_where_nothing_was_measured_for_long() -> None:
    curve = Curve((1, 2, 4, 9, 10), (1.0, 2.0, 3.0, 4.0, 5.0))
    assert pieces(curve, 2) == [Curve((1, 2, 4), (1.0, 2.0, 3.0)), Curve((9, 10), (4.0, 5.0))]
    assert pieces(curve, 5) == [curve]
    assert pieces(Curve(), 5) == []


def test_thinning_keeps_the_extremes() -> None:
    values = tuple(math.sin(i) for i in range(1000)) + (50.0,) + (0.0,) * 999
    curve = Curve(tuple(range(1, 2001)), values)
    thinned = thin(curve, 100)
    assert len(thinned) <= 100
    assert (max(thinned.values), min(thinned.values)) == (50.0, min(values))
    assert set(zip(thinned.steps, thinned.values, strict=True)) <= set(zip(curve.steps, values, strict=True))
    assert thinned.steps == tuple(sorted(thinned.steps))
    assert thin(curve, 2000) is curve


def test_quarters() -> None:
    curve = Curve(tuple(range(1, 9)), (1.0, 3.0, 9.0, 9.0, 9.0, 9.0, 5.0, 7.0))
    assert (curve.first_quarter(), curve.last_quarter()) == (2.0, 6.0)
    assert Curve((1,), (4.0,)).last_quarter() == 4.0
    assert Curve().last_quarter() is None


# --- recordings --------------------------------------------------------------------------------


def read(path: Path) -> Recording:
    recording = read_recording(path)
    assert recording is not None
    return recording


def test_a_recording_is_read_and_its_variance_is_right(tmp_path: Path) -> None:
    rows = [row(1), row(2, synthetic=synthetic(1.0)), row(3, mined=None), row(4)]
    recording = read(write_rows(tmp_path / FILE, rows))
    assert recording.steps == 4
    assert recording.loss == Curve((1, 2, 3, 4), LOSSES)
    assert recording.gradient_variance() == pytest.approx(2.0)
    assert recording.similarity["synthetic"] == Curve((2,), (0.125,))
    assert recording.violated["mined"] == Curve((1, 2, 4), (0.5, 0.5, 0.5))


def test_a_line_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    path = write_rows(tmp_path / FILE, [row(1), row(2)])
    path.write_text(path.read_text()[:-20], encoding="utf-8")
    assert read(path).loss.steps == (1,)


@pytest.mark.parametrize("content", [None, "", '{"step": 1, "lo'])
def test_nothing_recorded(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert read_recording(tmp_path / FILE) is None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row(1), [2]], "line 2: expected an object with a step after 1"),
        ([row(1), row(1)], "line 2: expected an object with a step after 1"),
        ([row(1) | {"step": "1"}], "line 1"),
        ([row(1), row(2, loss="low")], "line 2: loss has to be a number; it is 'low'"),
        ([row(1, mined=3)], "line 1: 'mined' has to be an object"),
        ([row(1, mined={"similarity": True})], "line 1: mined.similarity has to be a number"),
    ],
)
def test_what_training_does_not_write_is_named_with_its_line(
    tmp_path: Path, rows: list[Any], says: str
) -> None:
    with pytest.raises(MissingArtifact, match=re.escape(says)):
        read_recording(write_rows(tmp_path / FILE, rows))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MissingArtifact, match="cannot be read"):
        read_recording(tmp_path / FILE)


def test_a_diverged_step_is_counted_and_not_drawn(tmp_path: Path) -> None:
    rows = [row(1), row(2, loss=math.nan, gradient_norm=math.inf), row(3)]
    recording = read(write_rows(tmp_path / FILE, rows))
    assert recording.not_finite == 1
    assert recording.loss.steps == recording.gradient_norm.steps == (1, 3)
    assert recording.gradient_variance() == pytest.approx(1.0)


# --- figures -----------------------------------------------------------------------------------


def recording_of(steps: int, *, mined: bool = True) -> Recording:
    curve = Curve(tuple(range(1, steps + 1)), tuple(1 + math.cos(i) for i in range(steps)))
    sources = {"mined": curve if mined else Curve(), "synthetic": Curve()}
    return Recording(steps, curve, curve, curve, sources, sources)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("steps", [1, 2, 30, 3000])
def test_every_figure_is_drawn_for_any_number_of_models_and_steps(tmp_path: Path, steps: int) -> None:
    names = ["m", "_hidden", "$x", "a" * 200, *(f"model {i}" for i in range(6))]
    written = write_figures(tmp_path, {name: recording_of(steps) for name in names}, "cosine")
    assert written == list(FIGURES)
    for name in written:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        root = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert root.tag.endswith("svg")
    assert len(list(tmp_path.iterdir())) == 2 * len(written), "no temporary file stays"


def test_the_legend_names_every_model_and_its_variance(tmp_path: Path) -> None:
    write_figures(tmp_path, {"_one": recording_of(30), "two": recording_of(40)}, "")
    svg = (tmp_path / "gradient.svg").read_text()
    for name, steps in (("_one", 30), ("two", 40)):
        assert f"{name}: variance {recording_of(steps).gradient_variance():.4g} -->" in svg
    assert "mean of 5 neighbours -->" in svg


def test_what_was_not_measured_is_no_figure(tmp_path: Path) -> None:
    assert "violated" not in write_figures(tmp_path, {"m": recording_of(3, mined=False)}, "")


def test_equal_recordings_give_equal_svg_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_figures(tmp_path / folder, {"m": recording_of(30)}, "")
    for name in FIGURES:
        assert (tmp_path / "a" / f"{name}.svg").read_bytes() == (tmp_path / "b" / f"{name}.svg").read_bytes()


def test_every_figure_has_a_reading() -> None:
    assert list(READINGS) == list(FIGURES)


# --- models ------------------------------------------------------------------------------------


def cells(work: Workspace, *names: str) -> dict[str, dict[str, str]]:
    models, _ = read_models(work, names)
    table = models_table(models, "test")
    return {line[0]: dict(zip(table.columns, line, strict=True)) for line in table.rows}


def test_the_table_has_what_was_trained_and_measured(work: Workspace) -> None:
    add_model(work, "h")
    add_model(work, "m", "retrieved")
    add_evaluation(work, "minilm", [0.25] * 8, weights="abc")
    measured(work, "h", [0.75] * 8)
    found = cells(work)
    assert found["h"] == {
        "model": "h",
        "strategy": "hybrid",
        "ratio": "0.7",
        "negatives per pair": "1.80 dense, 1.20 synthetic",
        "steps": "4",
        "loss, last epoch": "0.5000",
        "gradient variance": "2",
        "dev": "0.7500 (epoch 2)",
        "nDCG@10, test": "0.7500",
        "to the backbone": "+0.5000",
        "p": found["h"]["p"],
    }
    assert float(found["h"]["p"]) == pytest.approx(2 / 2**8, abs=2e-3), "all eight signs alike, two-sided"
    assert found["m"]["ratio"] == "–", "mined alone has no ratio"
    assert found["m"]["nDCG@10, test"] == found["m"]["p"] == "–"


def test_several_comparisons_are_corrected(work: Workspace) -> None:
    for name, values in (("a", [0.75] * 8), ("b", [0.5] * 4 + [0.25] * 4)):
        add_model(work, name)
        measured(work, name, values)
    add_evaluation(work, "minilm", [0.25] * 8, weights="abc")
    found = cells(work)
    smaller, larger = (float(found[name]["p"]) for name in "ab")
    assert float(found["a"]["p, corrected"]) == pytest.approx(2 * smaller, abs=1e-4)
    assert float(found["b"]["p, corrected"]) == pytest.approx(max(2 * smaller, larger), abs=1e-4)


def test_results_of_older_weights_are_left_out_and_said(work: Workspace) -> None:
    folder = add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    (folder / "model.safetensors").write_bytes(b"trained again")
    models, _ = read_models(work)
    assert models[0].score is None
    assert any("trained again since it was measured" in note for note in models[0].notes)


def test_a_folder_that_is_no_model_any_more_keeps_its_curves(work: Workspace) -> None:
    folder = add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    (folder / "config.json").unlink()
    models, _ = read_models(work)
    assert models[0].score is None
    assert any("is no model folder" in note for note in models[0].notes)


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"metrics": {}}])
def test_a_backbone_measured_otherwise_is_not_compared_with(work: Workspace, changes: dict[str, Any]) -> None:
    add_model(work, "m")
    measured(work, "m", [0.5] * 4)
    add_evaluation(work, "minilm", [0.25] * 4, weights="abc", **changes)
    models, _ = read_models(work)
    assert models[0].score is not None
    assert models[0].score.gain is None
    assert any("backbone was not measured on the same data" in note for note in models[0].notes)


def test_a_mix_made_again_since_tells_nothing_of_the_model(work: Workspace) -> None:
    add_model(work, "m")
    write_text(work.mixed("m"), "another\n")
    models, _ = read_models(work)
    assert models[0].mix is None
    assert any("made again since" in note for note in models[0].notes)
    assert cells(work)["m"]["strategy"] == "–"


def test_a_recording_with_fewer_steps_than_trained_is_said(work: Workspace) -> None:
    path = add_model(work, "m") / FILE
    path.write_text(path.read_text()[:-20], encoding="utf-8")
    models, _ = read_models(work)
    assert any("3 of 4 steps" in note for note in models[0].notes)


def break_manifest(folder: Path, content: str | None) -> None:
    file = folder / "syneg.manifest.json"
    file.unlink()
    if content is not None:
        file.write_text(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no manifest"),
        ('{"stage": "train", "inp', "torn"),
        ('{"stage": "train", "inputs": {}, "settings": [], "counts": {}}', "torn or not syneg's"),
        (
            '{"stage": "train", "inputs": {}, "settings": {}, "counts": {"losses": "low"}}',
            "losses in its manifest",
        ),
    ],
)
def test_a_model_that_cannot_be_read_is_left_out_with_a_line(
    work: Workspace, content: str | None, says: str
) -> None:
    add_model(work, "good")
    break_manifest(add_model(work, "bad"), content)
    models, left_out = read_models(work)
    assert [model.name for model in models] == ["good"]
    assert len(left_out) == 1
    assert "bad is left out" in left_out[0]
    assert says in left_out[0]
    with pytest.raises(MissingArtifact, match=says):
        read_models(work, ["bad"])


def test_unknown_names_and_empty_folders(work: Workspace) -> None:
    with pytest.raises(MissingArtifact, match="No trained model for tiny"):
        read_models(work)
    add_model(work, "minilm-hybrid")
    (work.model(".minilm-hybrid.checkpoints")).mkdir()
    with pytest.raises(UsageError, match="Did you mean 'minilm-hybrid'"):
        read_models(work, ["minilm-hybird"])
    assert [model.name for model in read_models(work)[0]] == ["minilm-hybrid"]


# --- the page ----------------------------------------------------------------------------------


class Outside(HTMLParser):
    """Collects what a page would load from elsewhere, and which elements stay open."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_links_its_figures_and_the_html_needs_nothing_else(work: Workspace, tmp_path: Path) -> None:
    add_model(work, "a|b", lr=1e-5)
    add_model(work, "direct", "direct", lr=2e-5)
    models, _ = read_models(work)
    made = write_report(tmp_path / "out", "tiny", models, left_out=["<x> is left out."])
    text = made.markdown.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "out" / target).is_file()
    assert r"| a\|b |" in text, "a bar in a name does not end a cell"
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1
    assert "Differs: lr: a\\|b 1e-05, direct 2e-05" in text
    assert "variance 2, mean 4, largest 6, over 4 steps." in text

    page = made.html.read_text(encoding="utf-8")
    parser = Outside()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.loaded) == len(FIGURES)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in parser.loaded)
    assert "&lt;x&gt; is left out." in page
    assert "url(" not in page
    assert "@import" not in page


def test_writing_twice_gives_the_same_bytes(work: Workspace, tmp_path: Path) -> None:
    add_model(work, "m")
    models, _ = read_models(work)
    first = write_report(tmp_path, "tiny", models).html.read_bytes()
    assert write_report(tmp_path, "tiny", models).html.read_bytes() == first


def test_the_papers_claim_is_named_only_beside_both_strategies(work: Workspace) -> None:
    add_model(work, "h", "hybrid")
    assert paper_lines(read_models(work)[0]) == []
    add_model(work, "d", "direct")
    lines = paper_lines(read_models(work)[0])
    assert len(lines) == 1
    assert "Here: h 2 (hybrid) against d 2 (direct)." in lines[0]


def test_settings_that_differ_are_named(work: Workspace) -> None:
    add_model(work, "a", batch_size=16)
    add_model(work, "b", batch_size=32)
    same, *differ = settings_lines(read_models(work)[0])
    assert same == "The same for all: backbone minilm, temperature 0.05, seed 0."
    assert differ == ["Differs: batch_size: a 16, b 32"]


def test_markdown_shows_text_as_it_is() -> None:
    assert Text("a_b *c* <d> [e]").markdown() == r"a\_b \*c\* \<d> \[e\]"
    assert Rows(["x"], [["1|2"]]).markdown() == "| x |\n| --- |\n| 1\\|2 |"
    assert Rows(["x"], [["<b>"]]).html(Path()).count("<b>") == 0


# --- the command -------------------------------------------------------------------------------


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
    assert {path.name for path in folder.iterdir()} == {
        "report.md",
        "report.html",
        *(f"{name}.{form}" for name in FIGURES for form in ("png", "svg")),
    }
    shown = trained("report", "--model", "two", "--output", "there")
    assert shown.code == 0, shown.err
    assert "there/report.html" in shown.out
    assert "two" in shown.out
    assert "│ one" not in shown.out
    assert "syneg eval tiny --model two" in Path("there/report.md").read_text()
    assert "Differs: lr" in (folder / "report.md").read_text()


def test_a_report_needs_no_data(trained: Cli, tiny: Path) -> None:
    shutil.rmtree(tiny)
    assert trained("report").code == 0
    Path("syneg.toml").unlink()
    assert trained("report", "tiny").code == 0


def test_a_data_set_goes_by_the_name_of_the_folder_behind_a_link(trained: Cli, tiny: Path) -> None:
    Path("link").symlink_to(tiny)
    assert trained("report", "link").code == 0


def test_bad_models_of_a_data_set(trained: Cli) -> None:
    Path(".syneg/tiny/models/one", FILE).unlink()
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

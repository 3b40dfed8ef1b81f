"""Tools that show curves: a missing one is said before anything is trained, and logs stay with the model."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from syneg_cli.core.errors import UsageError
from syneg_cli.training import TrainSettings
from syneg_cli.training.reporting import check_report_to
from tests.conftest import Cli

WRITER = """
from pathlib import Path
class SummaryWriter:
    def __init__(self, log_dir=None):
        self.folder = Path(log_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
    def add_scalar(self, name, value, step, **more):
        with (self.folder / "events").open("a") as file:
            file.write(f"{step} {name} {value}\\n")
    def __getattr__(self, name):
        return lambda *args, **kwargs: None
"""

TRACKIO = """
import json, types
from pathlib import Path
context_vars = types.SimpleNamespace()
context_vars.current_space_id = types.SimpleNamespace(get=lambda: None)
class Config(dict):
    def update(self, values, **more):
        super().update(values)
config = Config()
def _kept(kind, values):
    with Path("trackio.jsonl").open("a") as file:
        file.write(json.dumps({kind: values}) + "\\n")
def init(**named):
    print("* Trackio project initialized")
    _kept("init", named)
def log(values):
    _kept("log", sorted(values))
def finish():
    _kept("finish", True)
"""


@pytest.mark.parametrize("tool", ["wandb", "trackio", "mlflow"])
def test_a_tool_that_is_not_installed_is_one_line_with_its_package(tool: str) -> None:
    if find_spec(tool):
        pytest.skip(f"{tool} is installed")
    with pytest.raises(UsageError, match=f"{tool} is not installed") as caught:
        check_report_to(TrainSettings(report_to=tool))
    assert f"pip install {tool}" in str(caught.value.hint)


def test_a_tool_that_is_none_is_said_so() -> None:
    with pytest.raises(UsageError, match="Did you mean 'wandb'"):
        check_report_to(TrainSettings(report_to="wandbb"))
    check_report_to(TrainSettings(report_to="none"))


def trainable(cli: Cli, tiny: Path, tiny_model: Path) -> tuple[object, ...]:
    """Makes a mix, and gives the command that trains on it."""
    Path("syneg.toml").write_text('[mine]\nminers = ["bm25"]\n', encoding="utf-8")
    assert cli("mine", tiny, "--depth", 3).code == 0
    assert cli("mix", tiny, "--strategy", "retrieved", "--name", "m").code == 0
    return ("train", tiny, "--backbone", tiny_model, "--mixed", "m", "--output", "out", "--epochs", 1)


@pytest.mark.slow
def test_logs_are_kept_beside_the_weights(
    cli: Cli, tiny: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = trainable(cli, tiny, tiny_model)
    if not (find_spec("tensorboard") or find_spec("tensorboardX")):
        missing = cli(*train, "--report-to", "tensorboard")
        assert missing.code == 2
        assert "pip install tensorboard" in missing.err

        package = tmp_path / "packages" / "tensorboardX"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(WRITER)
        monkeypatch.syspath_prepend(str(package.parent))
    done = cli(*train, "--report-to", "tensorboard", "--json")
    sys.modules.pop("tensorboardX", None)
    assert done.code == 0, done.err
    model = Path(str(done.json["path"]))
    assert any(file.is_file() for file in (model / "logs").rglob("*"))
    assert not (model.parent / f".{model.name}.checkpoints").exists()


@pytest.mark.slow
def test_trackio_gets_the_curves_and_nothing_leaves_the_machine(
    cli: Cli, tiny: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packages" / "trackio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(TRACKIO)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    train = trainable(cli, tiny, tiny_model)
    done = cli(*train, "--report-to", "trackio", "--json")
    sys.modules.pop("trackio", None)
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1, "what a tool prints is no part of the result"
    told = [json.loads(line) for line in Path("trackio.jsonl").read_text().splitlines()]
    assert told[0]["init"]["space_id"] is None, "a Space on the hub would be public"
    assert told[0]["init"]["project"] == "syneg"
    assert any("train/loss" in one.get("log", ()) for one in told)
    assert told[-1] == {"finish": True}

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.errors import ProjectFileError, UsageError
from syneg_cli.stages.project import resolve
from tests.conftest import Cli


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "syneg.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    path = write(tmp_path, "[train]\nlr = 1e-5\nepochs = 3\nbatch_size = 4\n")
    environ = {"SYNEG_TRAIN_LR": "2e-5", "SYNEG_TRAIN_EPOCHS": "5"}
    resolved = resolve({"train.epochs": 7, "train.seed": None}, file=path, environ=environ)
    train = resolved.project.train
    assert (train.epochs, train.lr, train.batch_size, train.seed) == (7, 2e-5, 4, 0)
    origins = {key: origin for key, _, origin in resolved.rows()}
    assert origins["train.epochs"] == "flag"
    assert origins["train.lr"] == "$SYNEG_TRAIN_LR"
    assert origins["train.batch_size"] == str(path)
    assert origins["train.seed"] == "default"


def test_lists_from_the_environment_and_the_short_name_of_data_dir() -> None:
    resolved = resolve(environ={"SYNEG_MINE_MINERS": "bm25, dense", "SYNEG_DATA_DIR": "/data"})
    assert resolved.project.mine.miners == ("bm25", "dense")
    assert resolved.project.dataset.data_dir == "/data"


def test_a_data_set_may_be_one_string(tmp_path: Path) -> None:
    path = write(tmp_path, 'dataset = "scifact"\n')
    assert resolve(file=path, environ={}).project.dataset.name == "scifact"
    assert resolve({"dataset.data_dir": "x"}, file=path, environ={}).project.dataset.name == "scifact"


def test_paths_are_relative_to_the_project_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'work_dir = "out"\n')
    resolved = resolve(file=path, environ={})
    assert resolved.path(resolved.project.work_dir) == (tmp_path / "out").resolve()


WRONG = {
    "unknown key": ("[train]\nepochs = 2\nlerning_rate = 1\n", "line 3: unknown key 'lerning_rate' in [train]"),
    "nearest key": ("[train]\nepoch = 2\n", "Did you mean 'epochs'?"),
    "unknown section": ("[trian]\nepochs = 2\n", "line 1: unknown key 'trian' at the top level. Did you mean 'train'?"),
    "nested unknown": ("[dataset]\nname = 'x'\n[dataset.attributes]\ndomains = []\n", "line 4: unknown key 'domains'"),
    "wrong type": ('[train]\n\nepochs = "two"\n', "line 3: epochs in [train]"),
    "bad value": ("[mix]\nratio = -1\n", "line 2: ratio in [mix]: input should be greater than or equal to 0, not -1"),
    "bad choice": ('[train]\nprecision = "fp8"\n', "line 2: precision in [train]"),
    "table for value": ("[train.epochs]\nx = 1\n", "epochs"),
    "broken TOML": ("[train]\nepochs =\n", "not valid TOML"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_in_the_file_are_named(case: str, tmp_path: Path, cli: Cli) -> None:
    text, message = WRONG[case]
    path = write(tmp_path, text)
    with pytest.raises(ProjectFileError) as caught:
        resolve(file=path, environ={})
    assert message in caught.value.message
    result = cli("status", "--project", path)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err


def test_mistakes_in_flags_and_environment_are_named() -> None:
    with pytest.raises(UsageError, match="--batch-size"):
        resolve({"train.batch_size": 0}, environ={})
    with pytest.raises(UsageError, match=r"\$SYNEG_TRAIN_LR"):
        resolve(environ={"SYNEG_TRAIN_LR": "fast"})


def test_a_missing_project_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="not there") as caught:
        resolve(file=tmp_path / "none.toml")
    assert "syneg init" in str(caught.value.hint)


def test_show_config_prints_every_setting_with_its_origin(cli: Cli, tiny: Path) -> None:
    result = cli("train", tiny, "--epochs", 3, "--show-config", "--json")
    assert result.code == 0
    shown = result.json
    assert shown["train.epochs"] == {"value": "3", "from": "flag"}
    assert shown["train.lr"] == {"value": "5e-05", "from": "default"}
    assert not Path(".syneg").exists()
    assert "train.epochs" in cli("train", tiny, "--show-config").out


def test_commands_work_without_a_project_file(cli: Cli, tiny: Path) -> None:
    assert cli("status", tiny, "--strategy", "retrieved").code == 0

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
    "truth for a number": ("[generate]\nn = true\n", "line 2: n in [generate]: input should be a valid integer, not True"),
    "truth for a limit": ("[generate]\nlimit = true\n", "line 2: limit in [generate]: input should be a valid integer, not True"),
    "quoted number": ('[generate]\nn = "3"\n', "line 2: n in [generate]: input should be a valid integer, not '3'"),
    "quoted share": ('[mix]\nratio = "0.7"\n', "line 2: ratio in [mix]: input should be a valid number, not '0.7'"),
    "number for truth": ("[generate]\nstructured = 1\n", "line 2: structured in [generate]: input should be a valid boolean, not 1"),
    "quoted number in a list": ('[generate]\nprice = ["1", 2]\n', "line 2: price in [generate]: input should be a valid number, not '1'"),
    "long text for a list": (f'[mine]\nminers = "{"x" * 3000}"\n', "line 2: miners in [mine]: give a list, [...], not 'xxxx"),
    "word for a list": ('[mine]\nminers = "bm25"\n', """line 2: miners in [mine]: give a list, ["bm25"], not 'bm25'."""),
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
    assert shown["train.epochs"] == {"value": 3, "from": "flag"}
    assert shown["train.lr"] == {"value": 5e-05, "from": "default"}
    assert not Path(".syneg").exists()
    assert "train.epochs" in cli("train", tiny, "--show-config").out


def test_commands_work_without_a_project_file(cli: Cli, tiny: Path) -> None:
    assert cli("status", tiny, "--strategy", "retrieved").code == 0


def test_values_are_shown_as_the_project_file_has_them(cli: Cli) -> None:
    shown = cli("train", "c", "--show-config", "--json").json
    assert shown["train.in_batch"] == {"value": True, "from": "default"}
    assert shown["train.temperature"] == {"value": None, "from": "default"}
    assert shown["mine.miners"] == {"value": ["dense"], "from": "default"}
    lines = cli("train", "c", "--show-config").out.splitlines()
    (switch,) = [line for line in lines if "train.in_batch" in line]
    assert " true " in switch


def test_a_bare_data_set_has_its_origin(cli: Cli) -> None:
    Path("syneg.toml").write_text('dataset = "c"\n')
    shown = cli("train", "--show-config", "--json").json
    assert shown["dataset.name"] == {"value": "c", "from": "syneg.toml"}
    Path("syneg.toml").write_text('[train]\ndataset = "c"\n')
    assert "line 2: unknown key 'dataset' in [train]" in cli("train", "--show-config").err
    Path("syneg.toml").write_text("\ntrain = 5\n")
    wrong = cli("train", "--lr", "1", "--show-config")
    assert "syneg.toml, line 2: train is a table, not 5." in wrong.err
    assert "Write [train]" in wrong.err


@pytest.mark.parametrize(
    ("llm", "variable", "given", "value"),
    [
        ("ollama:m", "OLLAMA_HOST", "gpu-box:11434", "gpu-box:11434"),
        ("ollama:m", "OLLAMA_HOST", "me:secret@box", "box"),
        ("openai:m", "OPENAI_BASE_URL", "https://me:secret@host/v1?key=secret", "https://host/v1"),
    ],
)
def test_a_server_that_the_environment_names_is_shown_with_its_origin(
    llm: str, variable: str, given: str, value: str
) -> None:
    def shown(environ: dict[str, str], url: str | None = None) -> tuple[object, str]:
        resolved = resolve({"generate.llm": llm, "generate.base_url": url}, environ=environ)
        return next((v, origin) for key, v, origin in resolved.rows() if key == "generate.base_url")

    assert shown({variable: given}) == (value, f"${variable}")
    assert shown({}) == (None, "default")
    assert shown({variable: given}, "http://a:b@other") == ("http://other", "flag")
    other = {"OLLAMA_HOST", "OPENAI_BASE_URL"} - {variable}
    assert shown(dict.fromkeys(other, given)) == (None, "default")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--work-dir", ""), "--work-dir: the value is empty."),
        (("--data-dir", ""), "--data-dir: the value is empty."),
        (("--backbone", ""), "--backbone: the value is empty."),
        (("--set", "work_dir="), "--set work_dir: string should have at least 1 character"),
    ],
)
def test_an_empty_value_is_no_value(cli: Cli, tiny: Path, argv: tuple[str, ...], says: str) -> None:
    result = cli("status", tiny, *argv)
    assert result.code == 2
    assert says in result.err


def test_an_empty_value_in_the_file_is_none_either(cli: Cli, tiny: Path) -> None:
    Path("syneg.toml").write_text('work_dir = ""\n')
    result = cli("status", tiny)
    assert result.code == 2
    assert "syneg.toml, line 1: work_dir: string should have at least 1 character" in result.err


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "syneg.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 7\r\n")
    assert resolve(file=path, environ={}).project.train.epochs == 7


@pytest.mark.parametrize("command", [("mine",), ("status",), ("report",), ("prompts", "render")])
def test_a_missing_data_set_names_the_command_that_was_called(cli: Cli, command: tuple[str, ...]) -> None:
    result = cli(*command)
    assert result.code == 2
    option = " --dataset" if command[0] == "prompts" else ""
    assert f"`syneg {' '.join(command)}{option} scifact`" in result.err


@pytest.mark.parametrize("text", ["1000,1000", "[1000,1000]", "[ 1000.0, 1000 ]", " 1000 , 1000"])
def test_a_list_is_given_with_commas_or_as_in_the_file(text: str) -> None:
    assert resolve(sets=[f"generate.price={text}"], environ={}).project.generate.price == (1000, 1000)
    by_variable = resolve(environ={"SYNEG_GENERATE_PRICE": text})
    assert by_variable.project.generate.price == (1000, 1000)
    words = resolve(sets=['mine.miners=["bm25", "dense"]'], environ={}).project.mine.miners
    assert words == ("bm25", "dense")


def test_text_is_read_as_what_belongs_there_and_the_file_may_be_overruled(tmp_path: Path) -> None:
    path = write(tmp_path, '[generate]\nn = "3"\n[train]\nlr = 1\n')
    resolved = resolve(
        {"generate.n": 2}, sets=["mix.ratio=0.5"], file=path, environ={"SYNEG_TRAIN_EPOCHS": "3"}
    )
    project = resolved.project
    assert (project.generate.n, project.mix.ratio, project.train.epochs, project.train.lr) == (2, 0.5, 3, 1.0)


@pytest.mark.parametrize(("name", "meant"), [("SYNEG_GENRATE_N", "SYNEG_GENERATE_N"), ("SYNEG_WORKDIR", "SYNEG_WORK_DIR")])  # fmt: skip
def test_a_misspelt_variable_is_an_error_in_whatever_part(name: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"{name} sets nothing. Did you mean '{meant}'"):
        resolve(environ={name: "3"})

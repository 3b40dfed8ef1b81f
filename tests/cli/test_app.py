"""The command line as a user meets it: help, exit codes, streams, and what it does not import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli

HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "openai",
    "ollama",
    "faiss",
    "bm25s",
    "beir",
    "scipy",
    "pyarrow",
    "sqlite_utils",
    "matplotlib",
    "huggingface_hub",
)
COMMANDS = (
    "init", "import", "queries", "generate", "mine", "verify", "mix", "train", "eval", "study", "report", "run",
    "status", "export", "demo",
    "prompts", "cache", "keys", "doctor",
)  # fmt: skip


def modules_after(*argv: str) -> set[str]:
    code = f"import sys; from syneg_cli.cli.app import main; main({list(argv)!r}); print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "argv", [("--help",), ("train", "--help"), ("--version",), ("status", "--show-config")]
)
def test_light_commands_import_nothing_heavy(argv: tuple[str, ...]) -> None:
    assert not modules_after(*argv) & set(HEAVY)


def test_help_lists_every_command(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == 0
    for command in COMMANDS:
        assert f" {command} " in shown.out


@pytest.mark.parametrize("command", ["", *COMMANDS, "cache list", "prompts render"])
def test_help_is_whole_in_80_columns(command: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli(*command.split(), "--help").out
    assert "…" not in shown
    assert "<bool>" not in shown, "a switch takes nothing"
    assert not [line for line in shown.splitlines() if "|" in line and "│ --" not in line], (
        "choices are whole"
    )


def test_what_is_off_by_default_can_still_be_said(cli: Cli, tiny: Path) -> None:
    for _ in range(2):  # help changes nothing for the next call of the process
        assert cli("mine", tiny, "--miner", "random", "--no-trust-remote-code").code == 0
        helped = " ".join(cli("mine", "-h").out.replace("│", " ").split())
        assert helped.count("Or --no-trust-remote-code.") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, cli: Cli) -> None:
    shown = cli(command, "--help")
    assert shown.code == 0
    assert "Usage: syneg" in shown.out


@pytest.mark.parametrize(
    "argv",
    [
        ("frobnicate",),
        ("train", "--no-such-option"),
        ("train", "--epochs", "two"),
        ("eval",),
        ("mine", "nowhere"),
    ],
)
def test_wrong_use_is_exit_code_2_without_a_traceback(argv: tuple[str, ...], cli: Cli) -> None:
    result = cli(*argv)
    assert result.code == 2
    assert result.out == ""
    assert "Traceback" not in result.err
    assert not Path(".syneg").exists()


@pytest.mark.parametrize(
    ("argv", "says", "hint"),
    [
        (("frobnicate",), "No such command 'frobnicate'", "`syneg --help`"),
        (("train", "--lr", "fast"), "'--lr'", "`syneg train --help`"),
        (("eval", "--modl", "x"), "--modl", "`syneg eval --help`"),
        (("cache", "show"), "Missing argument", "`syneg cache show --help`"),
        (("mine", "nowhere"), "nowhere", ""),
    ],
)
def test_wrong_use_is_json_where_that_is_asked_for(
    argv: tuple[str, ...], says: str, hint: str, cli: Cli
) -> None:
    result = cli(*argv, "--json")
    assert result.code == result.json["exit_code"] == 2
    assert list(result.json) == ["error", "hint", "exit_code"]
    assert says in str(result.json["error"])
    assert hint in str(result.json["hint"])
    assert result.err, "people are told as well"


def test_an_unexpected_error_is_one_message_and_exit_code_1(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import syneg_cli.cli.options

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr(syneg_cli.cli.options, "resolve", broken)
    result = cli("status")
    assert result.code == 1
    assert "unexpected RuntimeError: wires crossed" in result.err
    monkeypatch.setenv("SYNEG_DEBUG", "1")
    with pytest.raises(RuntimeError):
        cli("status")


def test_ctrl_c_is_exit_code_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import syneg_cli.cli.options

    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(syneg_cli.cli.options, "resolve", interrupted)
    result = cli("status")
    assert result.code == 130
    assert result.err == "interrupted\n", "nothing was begun, so nothing is kept"


@pytest.mark.slow
def test_no_colour_and_no_escape_codes_off_a_terminal(tiny: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "syneg_cli", "status", str(tiny), "--strategy", "retrieved"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    forced = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, env=forced, check=False)
    assert "\x1b[3" not in done.stdout


def test_status_says_what_every_stage_waits_for(cli: Cli, tiny: Path) -> None:
    result = cli("status", tiny, "--json")
    assert result.code == 0
    stages = result.json["stages"]
    assert isinstance(stages, list)
    by_name = {stage["stage"]: stage for stage in stages}
    assert list(by_name) == ["generate", "mine", "verify", "mix", "train", "eval"]
    assert by_name["generate"]["state"] == "not set up"
    assert by_name["verify"]["state"] == "not run"
    assert by_name["mix"]["state"] == by_name["train"]["state"] == by_name["eval"]["state"] == "waits"
    assert "syneg" in cli("status", tiny).out


def test_init_writes_a_project_that_loads_and_replaces_nothing(cli: Cli) -> None:
    result = cli("init", "scifact")
    assert result.code == 0
    text = Path("syneg.toml").read_text()
    assert 'name = "scifact"' in text
    assert Path("prompts/syneg.txt").is_file()
    assert cli("run", "--show-config").code == 0
    Path("prompts/syneg.txt").write_text("mine")
    again = cli("init", "scifact")
    assert again.code == 2
    assert "--force" in again.err
    assert cli("init", "fiqa", "--force").code == 0
    assert 'name = "fiqa"' in Path("syneg.toml").read_text()
    assert Path("prompts/syneg.txt").read_text() == "mine"


def test_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Documents and servers write brackets that mean nothing."""
    from syneg_cli.cli.output import Output

    Output().result({}, "[mix] draws [/] no more; see [bold] and \\[verify]")
    assert capsys.readouterr().out == "[mix] draws [/] no more; see [bold] and \\[verify]\n"


@pytest.mark.slow
def test_a_polite_end_is_an_interruption(tiny: Path, tiny_model: Path, tmp_path: Path) -> None:
    """As a scheduler or a container ends processes: what is finished is kept, and no lock or part is left."""
    work = tmp_path / "w"
    command = [sys.executable, "-m", "syneg_cli", "eval", str(tiny), "--backbone", str(tiny_model)]
    with subprocess.Popen([*command, "--work-dir", str(work)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "running" not in said:
            said = process.stderr.readline()
        process.terminate()
        _, rest = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in rest
    assert subprocess.run([*command, "--work-dir", str(work)], check=False).returncode == 0

"""What a stranger's project may not decide: code that runs, and servers that texts and keys go to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syneg_cli.core.errors import UsageError
from syneg_cli.stages.consent import check_server, hosts_file, is_near, known_hosts
from syneg_cli.stages.project import resolve
from syneg_cli.stages.session import Session
from tests.conftest import Cli

FAR = "https://models.stranger.example/v1"
HOST = "models.stranger.example"


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-a-test-0123456789")


def project(tmp_path: Path, text: str = f'[generate]\nllm = "openai:m"\nbase_url = "{FAR}"\n') -> Path:
    file = tmp_path / "syneg.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True), ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("192.168.0.7", True),
        ("gpu-box", True), ("llm.local", True), ("vllm.internal", True), ("fe80::1", True),
        ("8.8.8.8", False), ("api.openai.com.evil.example", False), ("localhost.evil.example", False),
        ("134744072", False), ("0x08080808", False), ("::ffff:8.8.8.8", False), ("::ffff:10.0.0.1", True),
        ("evil.example.", False), ("2001:4860:4860::8888", False),
    ],
)  # fmt: skip
def test_what_is_in_ones_own_network(host: str, near: bool) -> None:
    assert is_near(host) is near


def test_a_foreign_server_of_a_project_file_is_agreed_to_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def session(says: bool, **flags: object) -> Session:
        resolved = resolve(flags, file=project(tmp_path), environ={})

        def confirm(question: str) -> bool:
            asked.append(question)
            return says

        return Session(resolved, confirm=confirm)

    with pytest.raises(UsageError, match=f"key if there is one, to {HOST}") as caught:
        check_server(session(False), "openai:m")
    assert f"--base-url {FAR}" in str(caught.value.hint)
    assert not hosts_file().exists()
    check_server(session(True), "openai:m")
    assert len(asked) == 2
    assert FAR in asked[0]
    assert known_hosts() == [HOST]
    check_server(session(False), "openai:m")
    assert len(asked) == 2, "not asked again"
    hosts_file().unlink()
    check_server(session(False, **{"generate.base_url": FAR}), "openai:m")
    check_server(session(False), "openai:m")
    assert len(asked) == 2, "whoever names it by a flag knows it"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1", "http://gpu-box:8000/v1", "https://api.openai.com/v1"]
)
def test_ones_own_and_the_providers_servers_need_no_word(tmp_path: Path, url: str) -> None:
    file = project(tmp_path, f'[generate]\nbase_url = "{url}"\n')
    check_server(Session(resolve(file=file, environ={})), "openai:m")
    assert not hosts_file().exists()


def test_nothing_is_sent_by_the_commands(cli: Cli, tiny: Path) -> None:
    project(Path(), f'[dataset]\nname = "{tiny}"\n[generate]\nllm = "openai:m"\nbase_url = "{FAR}"\n')
    for command in (("generate",), ("run",), ("verify", "--check", "judge")):
        result = cli(*command)
        assert result.code == 2, command
        assert result.err.count(HOST) == 2 or command[0] == "verify", result.err
    doctor = cli("doctor", "--json")
    assert doctor.code == 1
    [problem] = [one for one in json.loads(doctor.out)["checks"] if one["state"] == "problem"]
    assert HOST in problem["said"]


def test_what_an_earlier_run_left_is_no_agreement(cli: Cli, tiny: Path) -> None:
    """A stranger's project may come with a work directory, too."""
    made = Path(".syneg/tiny/synthetic/default.manifest.json")
    made.parent.mkdir(parents=True)
    (made.parent / "default.jsonl").write_text("")
    manifest = {
        "stage": "generate", "created": "2025-01-01T00:00:00", "inputs": {}, "seconds": 1.0, "versions": {}, "counts": {},
        "settings": {"llm": "openai:m", "endpoint": FAR},
    }  # fmt: skip
    made.write_text(json.dumps(manifest))
    result = cli("run", tiny)
    assert result.code == 2
    assert (
        f"the last run of this project sends your texts, and your key if there is one, to {HOST}"
        in result.err
    )


CODE = "from pathlib import Path\nPath({marker!r}).touch()\nclass Own:\n    pass\n"


@pytest.fixture
def strange_model(tmp_path: Path, tiny_model: Path) -> tuple[Path, Path]:
    """(a model folder whose configuration names code of its own, the file that this code would make)."""
    import shutil

    folder, marker = tmp_path / "strange", tmp_path / "code-ran"
    shutil.copytree(tiny_model, folder)
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["type"] = "own.Own"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "own.py").write_text(CODE.format(marker=str(marker)))
    return folder, marker


def test_a_models_own_code_takes_the_users_word(
    cli: Cli, tiny: Path, strange_model: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, marker = strange_model
    project(
        Path(),
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nbackbone = "{folder}"\ntrust_remote_code = true\n',
    )
    said = cli("mine", "--miner", "dense")
    assert said.code == 2
    assert "trust_remote_code in syneg.toml alone runs no code" in said.err
    assert "--trust-remote-code" in said.err
    assert not marker.exists()
    for command in (("eval", "--model", folder), ("train", "--backbone", folder)):
        assert cli(*command).code == 2
        assert not marker.exists(), command
    cli("mine", "--miner", "dense", "--trust-remote-code")
    assert marker.exists(), "the fixture is one that would run"
    marker.unlink()
    monkeypatch.setenv("SYNEG_MINE_TRUST_REMOTE_CODE", "true")
    assert "alone runs no code" not in cli("mine", "--miner", "dense").err

"""Where keys come from, and from where they are not taken."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from syneg_cli.core import find_key, key_origins, keys_beside, keys_file, remove_key, store_key
from syneg_cli.core.errors import UsageError

NAME, KEY = "OPENAI_API_KEY", "sk-of-a-test-0123456789"


@pytest.fixture(autouse=True)
def own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(NAME, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    keys_beside(Path())


def value(name: str = NAME) -> str | None:
    key = find_key(name)
    return key.value if key else None


def test_the_environment_comes_first_then_env_files_then_the_file_of_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert value() is None
    store_key(NAME, "of-the-file")
    assert value() == "of-the-file"
    Path(".env").write_text(f"{NAME}=of-the-folder\n")
    assert value() == "of-the-folder"
    project = tmp_path / "project"
    project.mkdir()
    (project / ".env").write_text(f"{NAME}=of-the-project\n")
    keys_beside(project)
    assert value() == "of-the-project"
    monkeypatch.setenv(NAME, "of-the-environment")
    assert value() == "of-the-environment"
    assert key_origins(NAME) == [
        "the environment", str(project / ".env"), str(Path(".env").resolve()), str(keys_file()),
    ]  # fmt: skip
    assert "of-the" not in repr(find_key(NAME)), "a key is in no traceback"


@pytest.mark.parametrize(
    "line",
    [
        f"{NAME}={KEY}",
        f"export {NAME} = '{KEY}'",
        f'{NAME}="{KEY}"  # ours',
        f"{NAME}={KEY} # ours",
        f"\ufeff{NAME}={KEY}\r",
    ],
)
def test_lines_of_an_env_file(line: str) -> None:
    Path(".env").write_text(f"{line}\n# {NAME}=no\nOPENAI_BASE_URL=http://elsewhere\n", encoding="utf-8")
    assert value() == KEY
    assert "OPENAI_BASE_URL" not in os.environ, "keys alone are read from it"


def test_the_file_of_keys_is_its_owners_alone() -> None:
    old = os.umask(0)
    try:
        path = store_key(NAME, f"{KEY}\n")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store_key("OLLAMA_API_KEY", "another")
    assert (value(), value("OLLAMA_API_KEY")) == (KEY, "another")
    assert remove_key(NAME)
    assert not remove_key(NAME)
    assert (value(), value("OLLAMA_API_KEY")) == (None, "another")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused_with_the_remedy(
    mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store_key(NAME, KEY)
    path.chmod(mode)
    for use in (value, lambda: store_key(NAME, "x"), lambda: remove_key(NAME)):
        with pytest.raises(UsageError, match="others have rights") as caught:
            use()
        assert f"chmod 600 '{path}'" in str(caught.value.hint)
        assert KEY not in str(caught.value)
    monkeypatch.setenv(NAME, "of-the-environment")
    assert value() == "of-the-environment", "it is not needed"


@pytest.mark.parametrize("key", [f"{KEY} {KEY}", f"{KEY}\t", f"{KEY}\n", f"{KEY}é", f"{KEY}\n{KEY}"])
def test_what_no_header_can_carry_is_said_without_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, key)
    if key.strip() == KEY:
        assert value() == KEY
        return
    with pytest.raises(UsageError, match=f"{NAME} holds a character") as caught:
        find_key(NAME)
    assert KEY not in str(caught.value)


def test_names_that_mean_nothing_and_empty_keys() -> None:
    with pytest.raises(UsageError, match="Did you mean 'OPENAI_API_KEY'"):
        store_key("OPENAI_APIKEY", KEY)
    with pytest.raises(UsageError, match="nothing was given"):
        store_key(NAME, " \n")
    assert not keys_file().exists()

"""A hint to install something names the command that reaches the environment that syneg runs in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from syneg_cli.core import install


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("home/me/.venv", "pip install 'syneg[lora]' peft"),
        ("home/me/.local/share/pipx/venvs/syneg", "pipx runpip syneg install 'syneg[lora]' peft"),
        ("home/me/.local/pipx/venvs/syneg-cli", "pipx runpip syneg-cli install 'syneg[lora]' peft"),
        ("home/me/.cache/uv/archive-v0/abc", "uvx --with 'syneg[lora]' --with peft syneg"),
    ],
)
def test_who_made_the_environment_adds_to_it(
    prefix: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / prefix).mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
    assert install("syneg[lora]", "peft") == said


def test_a_tool_of_uv_and_an_environment_of_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "share/uv/tools/syneg"
    monkeypatch.setattr(sys, "prefix", str(tool))
    assert install("peft") == f"uv pip install --python {tool} peft"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nuv = 0.9.2\n", encoding="utf-8")
    assert install("mteb>=2") == "uv pip install 'mteb>=2'"
    (tmp_path / "pyvenv.cfg").write_text("home = /opt/uv = x\n", encoding="utf-8")
    assert install("mteb>=2") == "pip install 'mteb>=2'"

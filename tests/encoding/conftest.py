"""What the tests of the hub share: a hub on this machine, a model folder to share, and a project."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.servers import HubServer

WEIGHTS = "model.safetensors"
CARD = """---
base_model: "/home/me/base"
datasets: ["scifact"]
---
# m

model = SentenceTransformer("m")
`/home/me/base` after [syneg](https://arxiv.org/abs/2412.17250)
syneg train x --guide ~/models/guide
"""


def point_to(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does, which the library reads when it is imported."""
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The hub of this test, for one who may write as `me`; caches and tokens of the machine are out of sight."""
    for name in ("HF_HUB_CACHE", "HF_TOKEN_PATH", "HF_STORED_TOKENS_PATH", "AGENT_HARNESSES_PATH"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", str(tmp_path / "hf" / name))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    with HubServer() as server:
        point_to(server, monkeypatch)
        yield server


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A folder as `syneg train` leaves it, with all that must not leave the machine."""
    folder = tmp_path / "models" / "m"
    shutil.copytree(tiny_model, folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (folder / "training.jsonl").write_text("{}\n", encoding="utf-8")
    (folder / "syneg.manifest.json").write_text('{"paths": "/home/me"}', encoding="utf-8")
    for stays in (".cache/x", "checkpoint-5/model.safetensors"):
        (folder / stays).parent.mkdir()
        (folder / stays).write_text("x", encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def project(tiny: Path, tiny_model: Path, cli: Cli, server: HubServer) -> Cli:
    """A data set whose training instances are ready."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\n[mix]\nstrategy = "retrieved"\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\noutput = "m"\n',
        encoding="utf-8",
    )
    for stage in ("mine", "mix"):
        result = cli(stage)
        assert result.code == 0, result.err
    return cli

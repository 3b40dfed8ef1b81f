"""Fetching a model: the real code of the hub library against a hub on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import close_session

from syneg_cli.core.errors import BackboneError, HubError, SynegError
from syneg_cli.encoding import hub
from syneg_cli.encoding.loading import load_model
from tests.conftest import Cli
from tests.encoding.conftest import WEIGHTS, contents
from tests.servers import HubServer, git_hash, nobody


@pytest.fixture
def shared(server: HubServer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """A server that has the tiny model, for everybody; whoever asks has no token."""
    monkeypatch.delenv("HF_TOKEN")
    server.add("you/m", contents(tiny_model))
    return server


def test_a_model_is_downloaded_once(shared: HubServer) -> None:
    assert hub.cached("you/m") is None
    folder = hub.download("you/m")
    assert {name: git_hash(content) for name, content in contents(folder).items()} == {
        name: git_hash(content)
        for name, content in shared.repos["you/m"].files.items()
        if name != "README.md"
    }
    asked = len(shared.requests)
    assert load_model("you/m").max_seq_length == 48
    assert hub.cached("you/m") == folder
    assert len(shared.requests) == asked


def test_a_download_that_breaks_off_goes_on(shared: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    shared.cut[WEIGHTS] = 3
    folder = hub.download("you/m")
    assert (folder / WEIGHTS).read_bytes() == shared.repos["you/m"].files[WEIGHTS]


@pytest.mark.parametrize("file", [WEIGHTS, "modules.json"])
def test_half_a_model_is_no_model(shared: HubServer, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Whichever file is missing: the model counts as absent, and the next try fetches that file alone."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    shared.cut[file] = 100
    with pytest.raises(BackboneError, match="you/m is not on this machine"):
        load_model("you/m")
    assert hub.cached("you/m") is None
    shared.cut.clear()
    shared.requests.clear()
    assert [type(module).__name__ for module in load_model("you/m")] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]
    fetched = [request for request in shared.requests if request.startswith("GET /you/m/resolve/")]
    assert [request.rsplit("/", 1)[1] for request in fetched] == [file]


@pytest.mark.parametrize(
    ("name", "token", "message", "hint"),
    [
        ("you/none", None, "has no you/none, or it is private", "Check the name"),
        ("you/hidden", None, "has no you/hidden, or it is private", "HF_TOKEN"),
        ("you/hidden", "hf_reader", "has no you/hidden, or it is private", "HF_TOKEN"),
        ("you/m", "hf_wrong", "does not accept the token", "Public models need no token"),
        ("you/ä", None, "is no id of a model", "OWNER/NAME"),
    ],
)
def test_a_model_that_cannot_be_had(
    shared: HubServer, monkeypatch: pytest.MonkeyPatch, name: str, token: str | None, message: str, hint: str
) -> None:
    shared.add("you/hidden", shared.repos["you/m"].files, private=True)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(BackboneError, match=message) as caught:
        load_model(name)
    assert hint in str(caught.value.hint)
    assert "hf_" not in f"{caught.value} {caught.value.hint}"


def test_no_model_without_the_hub(shared: HubServer) -> None:
    shared.stop()
    with pytest.raises(
        BackboneError, match="not on this machine and the model hub cannot be reached"
    ) as caught:
        load_model("you/m")
    assert "local folder" in str(caught.value.hint)


def test_a_dead_proxy_on_the_way_to_the_hub_is_named(shared: HubServer, proxies: pytest.MonkeyPatch) -> None:
    proxies.setattr("huggingface_hub.constants.ENDPOINT", "http://hub.example")
    with nobody() as url:
        proxies.setenv("HTTP_PROXY", url)
        close_session()  # which read the proxies when it was made
        with pytest.raises(BackboneError, match=r"cannot be reached through the proxy") as caught:
            load_model("you/other")
    close_session()
    assert f"{url} (HTTP_PROXY)" in caught.value.message
    assert "Correct or unset HTTP_PROXY" in str(caught.value.hint)


def test_the_first_training_on_a_hub_model_is_up_to_date_afterwards(
    project: Cli, server: HubServer, tiny_model: Path
) -> None:
    """The weights count by their content, which is not known before they are here."""
    server.add("you/base", contents(tiny_model))
    assert project("train", "--backbone", "you/base", "--json").json["skipped"] is False
    assert project("train", "--backbone", "you/base", "--json").json["skipped"] is True


def test_every_hub_error_is_one_of_ours() -> None:
    assert issubclass(HubError, SynegError)
    assert HubError.exit_code == 1

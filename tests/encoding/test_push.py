"""Sharing a model: the real code of the hub library against a hub on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from syneg_cli.core.errors import HubError, UsageError
from syneg_cli.core.files import file_hash
from syneg_cli.core.processes import World
from syneg_cli.core.progress import NoProgress
from syneg_cli.encoding import hub
from syneg_cli.encoding.loading import load_model, weights_hash
from syneg_cli.encoding.push import card_for, check_push, push
from tests.conftest import Cli
from tests.encoding.conftest import CARD, WEIGHTS, contents, point_to
from tests.servers import HubServer

FOLDER = Path(".syneg/tiny/models/m")


class Notes:
    """A progress that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    task = NoProgress.task
    warn = NoProgress.warn

    def note(self, message: str) -> None:
        self.said.append(message)


def test_a_pushed_model_is_the_same_byte_for_byte_and_loads_again(
    server: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(model)
    assert push(model, "me/m") == f"{server.url}/me/m"
    repo = server.repos["me/m"]
    assert repo.private
    assert [message.split(",")[0] for message, _ in repo.commits] == ["m"]
    stays = {"syneg.manifest.json", ".cache/x", "checkpoint-5/model.safetensors"}
    assert set(repo.files) == set(before) - stays
    assert {name for name, content in repo.files.items() if content != before[name]} == {"README.md"}
    assert contents(model) == before

    text = ["vitamin d and bone"]
    assert (load_model("me/m").encode(text) == load_model(str(model)).encode(text)).all()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load_model("me/m").max_seq_length == 48
    assert weights_hash("me/m") != weights_hash("me/other")


def test_the_card_that_goes_up_loads_the_repository_and_names_nothing_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = card_for("me/m", CARD)
    assert 'SentenceTransformer("me/m")' in shared
    assert yaml.safe_load(shared.split("---\n")[1]) == {"datasets": ["scifact"]}
    assert "`base` after [syneg](https://arxiv.org/abs/2412.17250)\nsyneg train x --guide guide" in shared
    public = CARD.replace("/home/me/base", "BAAI/bge-base-en-v1.5")
    assert 'base_model: "BAAI/bge-base-en-v1.5"' in card_for("me/m", public)
    (tmp_path / "models" / "base").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert "base_model" not in card_for("me/m", CARD.replace("/home/me/base", "models/base"))


def shared_head(head: str) -> dict[str, object]:
    """What is left of a card's head on its way to the hub."""
    loaded = yaml.safe_load(card_for("me/m", f"---\n{head}\n---\n# m\n").split("---\n")[1])
    assert isinstance(loaded, dict)
    return loaded


def test_results_stay_in_a_card_whose_base_model_goes() -> None:
    results = "- name: m\n  results:\n  - {task: {type: t}, dataset: {type: d, name: d}, metrics: [{type: a, value: 1}]}"
    shared = shared_head(f"base_model: /home/me/base\nlicense: mit\nmodel-index:\n{results}")
    assert shared == {"license": "mit", "model-index": yaml.safe_load(results)}


@pytest.mark.parametrize(
    ("head", "gone"),
    [
        ("base_model: owner/base", False),
        ("base_model: base", False),
        ("base_model: ~/models/base", True),
        ("base_model: 'my base: small'", True),
        ('base_model: "a\\n---\\nb"', True),
        ("base_model: " + "x" * 300, True),
        ("base_model: [owner/a, owner/b]", False),
        ("base_model: [owner/a, /home/me/b]", True),
        ("datasets:\n- scifact\n- owner/set", False),
        ("datasets:\n- scifact\n- my set", True),
        ("datasets: [/home/me/set]", True),
        ("datasets:", False),
    ],
)
def test_what_the_hub_does_not_know_is_taken_out_of_a_card(head: str, gone: bool) -> None:
    before = yaml.safe_load(head)
    assert shared_head(head + "\nlicense: mit") == ({} if gone else before) | {"license": "mit"}


@pytest.mark.parametrize(
    "card",
    [
        "---\n# a comment\nlanguage: no\ndatasets: [ scifact ]\n---\n# m\n",
        "---\nbase_model: [a\n---\n# m\n",
        "---\n- a list\n---\n# m\n",
        "# m without a head\n",
    ],
)
def test_a_head_with_nothing_to_take_out_goes_as_it_is_written(card: str) -> None:
    assert card_for("me/m", card) == card


def test_a_second_push_sends_what_changed_and_nothing_else(server: HubServer, model: Path) -> None:
    push(model, "me/m")
    push(model, "me/m")
    assert len(server.repos["me/m"].commits) == 1
    (model / "README.md").write_text(CARD + "more\n", encoding="utf-8")
    push(model, "me/m")
    assert len(server.repos["me/m"].commits) == 2
    assert server.repos["me/m"].files["README.md"].endswith(b"more\n")


def test_weights_may_go_apart_from_the_commit(
    server: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    server.lfs = True
    push(model, "me/m")
    assert list(server.stored.values()) == [(model / WEIGHTS).read_bytes()]
    assert server.repos["me/m"].files[WEIGHTS] == (model / WEIGHTS).read_bytes()
    assert file_hash(hub.download("me/m") / WEIGHTS) == file_hash(model / WEIGHTS)


@pytest.mark.parametrize(
    "name", ["m", "me/m/x", "me/-m", "me/a--b", "https://huggingface.co/me/m", "me/ä", ""]
)
def test_what_is_no_repository_is_refused_before_anything_is_asked(server: HubServer, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a repository") as caught:
        check_push(name)
    assert "OWNER/NAME" in str(caught.value.hint)
    assert not server.requests


@pytest.mark.parametrize("token", [None, "", "hf_sécret", "hf_sec ret", "hf_sec\x01ret"])
def test_a_push_needs_a_token(server: HubServer, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UsageError, match="token") as caught:
        check_push("me/m")
    assert "hf auth login" in str(caught.value.hint)
    assert "hf_s" not in f"{caught.value}"
    assert not server.requests


def test_a_push_needs_the_hub(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE is set"):
        check_push("me/m")


@pytest.mark.parametrize(
    ("token", "repo", "message"),
    [
        ("hf_wrong", "me/m", "does not accept the token"),
        ("hf_wrong", "me/new", "does not accept the token"),
        ("hf_reader", "me/m", "no right to write to me/m"),
        ("hf_reader", "me/new", "no right to write to me/new"),
        ("hf_writer", "you/m", "no right to write to you/m"),
        ("hf_writer", "you/new", "no right to write to you/new"),
    ],
)
def test_a_push_that_is_not_allowed(
    server: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch, token: str, repo: str, message: str
) -> None:
    for known in ("me/m", "you/m"):
        server.add(known, {})
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=message) as caught:
        push(model, repo, private=False)
    assert f"kept in {model}; the same command" in str(caught.value.hint)
    assert "HF_TOKEN" in str(caught.value.hint)
    assert token not in f"{caught.value} {caught.value.hint}"
    assert not any(repo.files for repo in server.repos.values())
    if not repo.endswith("new") or token == "hf_wrong":  # who may make a repository is known when it is made
        with pytest.raises(HubError, match=message):
            check_push(repo, private=False)


def test_a_private_push_never_ends_in_public(server: HubServer, model: Path) -> None:
    server.add("me/m", {})
    for attempt in (lambda: check_push("me/m"), lambda: push(model, "me/m")):
        with pytest.raises(UsageError, match="me/m is there already, and public") as caught:
            attempt()
        assert "--public" in str(caught.value.hint)
    assert not server.repos["me/m"].files
    check_push("me/m", private=False)
    push(model, "me/m", private=False)
    assert server.repos["me/m"].files
    push(model, "me/open", private=False)
    assert not server.repos["me/open"].private


def test_a_private_repository_stays_so(server: HubServer, model: Path) -> None:
    server.add("me/m", {}, private=True)
    check_push("me/m", private=False)
    push(model, "me/m", private=False)
    assert server.repos["me/m"].private


def test_a_hub_that_is_down_does_not_keep_from_training(server: HubServer, model: Path) -> None:
    server.stop()
    notes = Notes()
    check_push("me/m", progress=notes)
    assert "does not answer now" in notes.said[0]
    with pytest.raises(HubError, match="cannot be reached") as caught:
        push(model, "me/m", progress=notes)
    assert f"kept in {model}" in str(caught.value.hint)


def test_a_card_that_the_hub_does_not_take(server: HubServer, model: Path) -> None:
    (model / "README.md").write_text("---\nbase_model: [a b]\n---\n", encoding="utf-8")
    with pytest.raises(HubError, match=r'does not take me/m: .*"a b" is not valid') as caught:
        push(model, "me/m")
    assert str(caught.value.hint).startswith("The model is kept")


# The command line


@pytest.mark.slow
def test_train_pushes_what_it_trained_and_what_was_measured_later(
    project: Cli, server: HubServer, tmp_path: Path
) -> None:
    assert project("train").code == 0
    alone = contents(FOLDER)
    assert project("train", "--force", "--push-to-hub", "me/m").code == 0
    repo = server.repos["me/m"]
    assert repo.files[WEIGHTS] == contents(FOLDER)[WEIGHTS] == alone[WEIGHTS]
    assert {"README.md", "training.jsonl", "modules.json"} < set(repo.files)
    assert "syneg.manifest.json" not in repo.files
    assert repo.private

    manifests = [json.loads(files["syneg.manifest.json"]) for files in (alone, contents(FOLDER))]
    assert manifests[0]["settings"] == manifests[1]["settings"]
    assert b'SentenceTransformer("m")' in contents(FOLDER)["README.md"]
    assert b'SentenceTransformer("me/m")' in repo.files["README.md"]
    assert b"push-to-hub" not in contents(FOLDER)["README.md"]
    assert b"syneg train tiny --mixed retrieved --backbone st" in repo.files["README.md"]
    assert not any(str(tmp_path.parent).encode() in content for content in repo.files.values())

    again = project("train", "--push-to-hub", "me/m", "--json")
    assert again.json["skipped"] is True
    assert again.json["url"] == f"{server.url}/me/m"
    assert len(repo.commits) == 1

    assert project("eval").code == 0
    pushed = project("train", "--push-to-hub", "me/m")
    assert pushed.code == 0, pushed.err
    assert pushed.out.strip() == f"{server.url}/me/m"
    assert "up to date" in pushed.err
    head = yaml.safe_load(repo.files["README.md"].decode().split("---\n")[1])
    assert {metric["type"] for metric in head["model-index"][0]["results"][0]["metrics"]} >= {"ndcg@10"}

    written = [file for file in tmp_path.rglob("*") if file.is_file() and b"hf_writer" in file.read_bytes()]
    assert not written
    assert "hf_writer" not in again.out + again.err + pushed.out + pushed.err


def test_a_push_that_fails_keeps_and_shows_the_model(
    project: Cli, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stop()
    failed = project("train", "--push-to-hub", "me/m")
    assert failed.code == 1
    assert "mean loss" in failed.out
    assert "hub cannot be reached" in failed.err
    assert re.search(r"kept in \S+/tiny/models/m; the same command pushes it again", failed.err)
    with HubServer() as back:
        point_to(back, monkeypatch)
        assert project("train", "--push-to-hub", "me/m").code == 0
        assert back.repos["me/m"].files[WEIGHTS] == (FOLDER / WEIGHTS).read_bytes()


@pytest.mark.parametrize(("name", "token"), [("no-owner", "hf_writer"), ("", "hf_writer"), ("me/m", None)])
def test_what_can_be_known_is_said_before_training(
    project: Cli, monkeypatch: pytest.MonkeyPatch, name: str, token: str | None
) -> None:
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    result = project("train", "--push-to-hub", name)
    assert result.code == 2
    assert "error:" in result.err
    assert not FOLDER.exists()


def test_a_token_that_may_not_write_is_found_before_training(
    project: Cli, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("me/m", {}, private=True)
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    result = project("train", "--push-to-hub", "me/m")
    assert (result.code, FOLDER.exists()) == (1, False)
    assert "no right to write" in result.err


def test_of_several_processes_one_pushes(
    project: Cli, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project("train").code == 0
    monkeypatch.setattr("syneg_cli.cli.commands.train.world", lambda: World(rank=1, size=2))
    assert project("train", "--push-to-hub", "me/m").code == 0
    assert not server.requests


@pytest.mark.slow
def test_the_same_in_a_process_of_its_own(server: HubServer, model: Path, tmp_path: Path) -> None:
    """The endpoint and the home come from the environment alone, as for a user."""
    code = (
        "import sys; from pathlib import Path; from syneg_cli.encoding import load_model, push\n"
        "print(push(Path(sys.argv[1]), 'me/m'))\n"
        "print(load_model('me/m').encode('vitamin d').tolist())"
    )
    home = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_writer"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(model)],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    url, vector = done.stdout.splitlines()
    assert url == f"{server.url}/me/m"
    assert json.loads(vector) == load_model(str(model)).encode("vitamin d").tolist()
    assert done.stderr == ""
    assert list((tmp_path / "home" / "hub").glob("models--me--m/snapshots/*/model.safetensors"))

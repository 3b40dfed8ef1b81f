"""The real code of the hub library against a hub on this machine: sharing a model, and fetching one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from syneg_cli.core.errors import BackboneError, HubError, SynegError, UsageError
from syneg_cli.core.processes import World
from syneg_cli.core.progress import NoProgress
from syneg_cli.encoding import hub, push
from syneg_cli.encoding.loading import load_model, weights_hash
from tests.conftest import Cli
from tests.servers import HubServer, git_hash

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


class Notes:
    """A progress that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    task = NoProgress.task

    def note(self, message: str) -> None:
        self.said.append(message)


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


# Sharing


def test_a_pushed_model_is_the_same_byte_for_byte_and_loads_again(
    server: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(model)
    assert push.push(model, "me/m") == f"{server.url}/me/m"
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
    shared = push.card_for("me/m", CARD)
    assert 'SentenceTransformer("me/m")' in shared
    assert yaml.safe_load(shared.split("---\n")[1]) == {"datasets": ["scifact"]}
    assert "`base` after [syneg](https://arxiv.org/abs/2412.17250)\nsyneg train x --guide guide" in shared
    public = CARD.replace("/home/me/base", "BAAI/bge-base-en-v1.5")
    assert 'base_model: "BAAI/bge-base-en-v1.5"' in push.card_for("me/m", public)
    (tmp_path / "models" / "base").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert "base_model" not in push.card_for("me/m", CARD.replace("/home/me/base", "models/base"))


def test_a_second_push_sends_what_changed_and_nothing_else(server: HubServer, model: Path) -> None:
    push.push(model, "me/m")
    push.push(model, "me/m")
    assert len(server.repos["me/m"].commits) == 1
    (model / "README.md").write_text(CARD + "more\n", encoding="utf-8")
    push.push(model, "me/m")
    assert len(server.repos["me/m"].commits) == 2
    assert server.repos["me/m"].files["README.md"].endswith(b"more\n")


def test_weights_may_go_apart_from_the_commit(
    server: HubServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    server.lfs = True
    push.push(model, "me/m")
    assert list(server.stored.values()) == [(model / WEIGHTS).read_bytes()]
    assert server.repos["me/m"].files[WEIGHTS] == (model / WEIGHTS).read_bytes()
    assert hub.sha256(hub.download("me/m") / WEIGHTS) == hub.sha256(model / WEIGHTS)


@pytest.mark.parametrize(
    "name", ["m", "me/m/x", "me/-m", "me/a--b", "https://huggingface.co/me/m", "me/ä", ""]
)
def test_what_is_no_repository_is_refused_before_anything_is_asked(server: HubServer, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a repository") as caught:
        push.check_push(name)
    assert "OWNER/NAME" in str(caught.value.hint)
    assert not server.requests


@pytest.mark.parametrize("token", [None, "", "hf_sécret", "hf_sec ret", "hf_sec\x01ret"])
def test_a_push_needs_a_token(server: HubServer, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UsageError, match="token") as caught:
        push.check_push("me/m")
    assert "hf auth login" in str(caught.value.hint)
    assert "hf_s" not in f"{caught.value}"
    assert not server.requests


def test_a_push_needs_the_hub(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE is set"):
        push.check_push("me/m")


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
        push.push(model, repo, private=False)
    assert f"kept in {model}; the same command" in str(caught.value.hint)
    assert "HF_TOKEN" in str(caught.value.hint)
    assert token not in f"{caught.value} {caught.value.hint}"
    assert not any(repo.files for repo in server.repos.values())
    if not repo.endswith("new") or token == "hf_wrong":  # who may make a repository is known when it is made
        with pytest.raises(HubError, match=message):
            push.check_push(repo, private=False)


def test_a_private_push_never_ends_in_public(server: HubServer, model: Path) -> None:
    server.add("me/m", {})
    for attempt in (lambda: push.check_push("me/m"), lambda: push.push(model, "me/m")):
        with pytest.raises(UsageError, match="me/m is there already, and public") as caught:
            attempt()
        assert "--public" in str(caught.value.hint)
    assert not server.repos["me/m"].files
    push.check_push("me/m", private=False)
    push.push(model, "me/m", private=False)
    assert server.repos["me/m"].files
    push.push(model, "me/open", private=False)
    assert not server.repos["me/open"].private


def test_a_private_repository_stays_so(server: HubServer, model: Path) -> None:
    server.add("me/m", {}, private=True)
    push.check_push("me/m", private=False)
    push.push(model, "me/m", private=False)
    assert server.repos["me/m"].private


def test_a_hub_that_is_down_does_not_keep_from_training(server: HubServer, model: Path) -> None:
    server.stop()
    notes = Notes()
    push.check_push("me/m", progress=notes)
    assert "does not answer now" in notes.said[0]
    with pytest.raises(HubError, match="cannot be reached") as caught:
        push.push(model, "me/m", progress=notes)
    assert f"kept in {model}" in str(caught.value.hint)


def test_a_card_that_the_hub_does_not_take(server: HubServer, model: Path) -> None:
    (model / "README.md").write_text("---\nbase_model: [a b]\n---\n", encoding="utf-8")
    with pytest.raises(HubError, match=r'does not take me/m: .*"a b" is not valid') as caught:
        push.push(model, "me/m")
    assert str(caught.value.hint).startswith("The model is kept")


# Fetching


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


# The command line


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


FOLDER = Path(".syneg/tiny/models/m")


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
    monkeypatch.setattr("syneg_cli.core.processes.world", lambda: World(rank=1, size=2))
    assert project("train", "--push-to-hub", "me/m").code == 0
    assert not server.requests


def test_the_first_training_on_a_hub_model_is_up_to_date_afterwards(
    project: Cli, server: HubServer, tiny_model: Path
) -> None:
    """The weights count by their content, which is not known before they are here."""
    server.add("you/base", contents(tiny_model))
    assert project("train", "--backbone", "you/base", "--json").json["skipped"] is False
    assert project("train", "--backbone", "you/base", "--json").json["skipped"] is True


def test_the_same_in_a_process_of_its_own(server: HubServer, model: Path, tmp_path: Path) -> None:
    """The endpoint and the home come from the environment alone, as for a user."""
    code = (
        "import sys; from pathlib import Path; from syneg_cli.encoding import loading, push\n"
        "print(push.push(Path(sys.argv[1]), 'me/m'))\n"
        "print(loading.load_model('me/m').encode('vitamin d').tolist())"
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


def test_every_hub_error_is_one_of_ours() -> None:
    assert issubclass(HubError, SynegError)
    assert HubError.exit_code == 1

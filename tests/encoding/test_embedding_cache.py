"""The embedding cache: what a listing says, what pruning takes, and what it leaves alone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from syneg_cli.data.corpus import Corpus
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.embedding_cache import entries
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.vector_store import Labels, Store, open_store
from tests.conftest import Cli

HOUR = 3600
CACHE = Path(".syneg/embeddings")


@pytest.fixture
def corpus(tiny: Path, tmp_path: Path) -> Corpus:
    return load_dataset(str(tiny), cache=tmp_path / "corpora").corpus


def make(cache: Path, encoder: str = "a", *, blocks: int = 3, age: float = 0, model: str = "minilm") -> Store:
    """An entry of 3 blocks of 2 rows, of which some are on disk, last changed `age` seconds ago."""
    store = open_store(cache, encoder, "corpus", (6, 4), 2, Labels(model, "fp32", 256, "scifact"))
    for start in store.pending()[:blocks]:
        store.write(start, np.ones((2, 4)))
    for file in store.folder.iterdir():
        os.utime(file, (time.time() - age,) * 2)
    return store


def listed(cli: Cli) -> list[dict[str, Any]]:
    result = cli("cache", "embeddings", "--json")
    assert result.code == 0, result.err
    return cast("list[dict[str, Any]]", result.json["entries"])


def keys(cli: Cli) -> set[str]:
    return {entry["key"] for entry in listed(cli)}


def test_every_command_keeps_its_vectors_in_one_place_and_names_them(
    cli: Cli, tiny: Path, tiny_model: Path
) -> None:
    assert cli("mine", tiny, "--backbone", tiny_model, "--precision", "fp32").code == 0
    assert {(entry["texts"], entry["documents"]) for entry in listed(cli)} == {("tiny", 6), ("queries", 3)}
    for entry in listed(cli):
        assert (entry["model"], entry["precision"], entry["max_length"]) == (str(tiny_model), "fp32", 48)
        assert (entry["dimension"], entry["share"], entry["complete"]) == (32, 1.0, True)
        assert entry["bytes"] == sum(f.stat().st_size for f in (CACHE / entry["key"]).iterdir())
    assert cli("eval", tiny, "--backbone", tiny_model, "--precision", "fp32").code == 0
    assert [entry["documents"] for entry in listed(cli)].count(6) == 1
    before = keys(cli)
    assert cli("verify", tiny, "--check", "margin", "--backbone", tiny_model).code == 0
    assert all((CACHE / key).is_dir() for key in keys(cli) - before)
    shown = cli("cache", "embeddings").out
    assert "6 × 32" in shown
    assert "100 %" in shown


def test_train_names_the_model_it_starts_from(tiny_model: Path, corpus: Corpus, tmp_path: Path) -> None:
    """An encoder made of a model in memory says where that was loaded from."""
    from syneg_cli.encoding.loading import load_model

    Encoder(load_model(str(tiny_model)), precision="fp32", cache=tmp_path / "e").encode_corpus(corpus)
    assert entries(tmp_path / "e")[0].labels == Labels(str(tiny_model), "fp32", 48, "tiny")


def test_labels_are_no_part_of_the_key(tmp_path: Path) -> None:
    first = open_store(tmp_path, "a", "c", (6, 4), 2, Labels("minilm"))
    first.write(0, np.ones((2, 4)))
    again = open_store(tmp_path, "a", "c", (6, 4), 2, Labels("another name"))
    assert (again, again.pending()) == (first, [2, 4])
    assert entries(tmp_path)[0].labels == Labels("minilm")
    assert open_store(tmp_path, "b", "c", (6, 4), 2).folder != first.folder


def test_an_entry_of_an_earlier_version_is_listed_and_used(cli: Cli) -> None:
    store = make(CACHE)
    file = store.folder / "entry.json"
    entry = {k: v for k, v in json.loads(file.read_text()).items() if k not in Labels.__dataclass_fields__}
    file.write_text(json.dumps(entry | {"complete": True}))
    (found,) = listed(cli)
    assert (found["model"], found["texts"], found["documents"], found["complete"]) == (None, None, 6, True)
    assert cli("cache", "embeddings").code == 0
    assert make(CACHE).pending() == []


def test_what_was_killed_before_its_description_is_listed_and_made_again(
    cli: Cli, tiny_model: Path, corpus: Corpus
) -> None:
    encoder = Encoder.load(str(tiny_model), precision="fp32", cache=CACHE)
    vectors = np.array(encoder.encode_corpus(corpus))
    file = CACHE / listed(cli)[0]["key"] / "entry.json"
    for broken in ("{", "[]"):
        file.write_text(broken)
        assert listed(cli)[0]["share"] == 0
    file.unlink()
    (found,) = listed(cli)
    assert (found["model"], found["complete"], found["bytes"] > 0) == (None, False, True)
    assert np.array_equal(encoder.encode_corpus(corpus), vectors)
    assert listed(cli)[0]["complete"]


def test_reading_is_using(cli: Cli) -> None:
    make(CACHE, age=40 * 24 * HOUR)
    assert "1 entry" in cli("cache", "prune-embeddings", "--older-than", 30).out
    open_store(CACHE, "a", "corpus", (6, 4), 2)
    assert "0 entries" in cli("cache", "prune-embeddings", "--older-than", 30).out


def test_the_share_of_an_incomplete_entry(cli: Cli) -> None:
    make(CACHE, blocks=2)
    assert (listed(cli)[0]["share"], listed(cli)[0]["complete"]) == (2 / 3, False)
    assert "66 %" in cli("cache", "embeddings").out


def test_nothing_goes_without_yes(cli: Cli) -> None:
    store = make(CACHE)
    shown = cli("cache", "prune-embeddings", "--all")
    assert "minilm" in shown.out
    assert "1 entry (0.0 MB) would be removed" in shown.out
    assert store.folder.is_dir()
    removed = cli("cache", "prune-embeddings", "--all", "--yes", "--json").json
    assert (removed["found"], removed["removed"], removed["kept"]) == (1, 1, [])
    assert not store.folder.exists()
    assert cli("cache", "embeddings").out.startswith("No embeddings at ")


def test_each_filter_takes_its_own(cli: Cli) -> None:
    fresh, old = make(CACHE, "fresh"), make(CACHE, "old", age=9 * 24 * HOUR)
    stopped = make(CACHE, "stopped", blocks=1, age=2 * HOUR)
    other = make(CACHE, "other", model="bge-small")

    def goes(*flags: object) -> set[str]:
        before = keys(cli)
        assert cli("cache", "prune-embeddings", *flags, "--yes").code == 0
        return before - keys(cli)

    assert goes("--older-than", 7, "--model", "bge-small") == set()
    assert goes("--older-than", 7) == {old.folder.name}
    assert goes("--incomplete") == {stopped.folder.name}
    assert goes("--model", "bge-small") == {other.folder.name}
    assert goes(fresh.folder.name[:8]) == {fresh.folder.name}


def test_what_another_process_may_be_writing_stays_unless_named(cli: Cli) -> None:
    store = make(CACHE, blocks=1, age=HOUR / 2)
    key = store.folder.name
    for flag in ("--all", "--incomplete"):
        result = cli("cache", "prune-embeddings", flag, "--yes")
        assert "another process may be writing" in result.out
        assert f"prune-embeddings {key[:8]}\n" in result.out
        assert store.folder.is_dir()
    assert cli("cache", "prune-embeddings", "--all", "--json").json["kept"] == [key]
    assert "1 entry" in cli("cache", "prune-embeddings", key, "--yes").out
    assert not store.folder.exists()


def test_what_others_keep_there_is_never_touched(cli: Cli) -> None:
    make(CACHE)
    for name in ("notes", "a" * 24, "b" * 24):
        (CACHE / name).mkdir()
    (CACHE / "notes" / "vectors.npy").write_bytes(b"mine")
    (CACHE / ("c" * 24)).write_text("a file")
    assert len(listed(cli)) == 1
    assert cli("cache", "prune-embeddings", "--all", "--yes").code == 0
    assert {place.name for place in CACHE.iterdir()} - {".lock"} == {"notes", "a" * 24, "b" * 24, "c" * 24}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "say which"),
        (("--all", "--incomplete"), "--all alone"),
        (("--older-than", "-1"), "older-than"),
        (("zz",), "no entry has a key that start"),
        (("",), "2 entries have keys that start"),
    ],
)
def test_wrong_use_is_said_and_removes_nothing(cli: Cli, flags: tuple[str, ...], said: str) -> None:
    make(CACHE, "a")
    make(CACHE, "b")
    result = cli("cache", "prune-embeddings", *flags, "--yes")
    assert result.code == 2
    assert said in result.err
    assert len(listed(cli)) == 2


def test_an_entry_that_cannot_be_deleted_is_never_read_half(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(CACHE)

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("syneg_cli.encoding.embedding_cache.shutil.rmtree", refused)
        result = cli("cache", "prune-embeddings", "--all", "--yes")
    assert result.code == 1
    assert f"{store.folder.name} cannot be deleted: Permission denied." in result.err
    assert open_store(CACHE, "a", "corpus", (6, 4), 2).pending() == [0, 2, 4]

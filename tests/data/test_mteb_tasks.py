"""`mteb:TASK` names a data set. mteb itself is no dependency: a package of its shape stands in for it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from syneg_cli.data import load_dataset
from tests.conftest import Cli

PACKAGE = '''
LOADED = []

class Rows(list):
    """As datasets.Dataset: rows, and the names of their columns."""
    @property
    def column_names(self):
        return list(self[0])

class Task:
    def __init__(self, name, splits, subsets=("default",), **columns):
        self.name, self.splits, self.hf_subsets, self.columns = name, splits, list(subsets), columns
    def load_data(self):
        LOADED.append(self.name)
        if self.name == "Unreachable":
            raise ConnectionError("no route to\\n the hub")
        if self.name == "Pairs":
            self.dataset = {"default": {"test": Rows([{"sentence1": "a"}])}}
            return
        self.dataset = {subset: {split: self.part(split, subset) for split in self.splits} for subset in self.hf_subsets}
    def part(self, split, subset):
        words = {"default": "fever", "de": "Fieber", "ja": "熱"}[subset]
        corpus = Rows({"id": f"d{n}", "title": "About" if n else None, "text": f"{words} number {n}"} for n in range(30))
        queries = Rows({"id": f"{split}{n}", "text": f"{words} {n}", **self.columns} for n in range(3))
        return {"corpus": corpus, "queries": queries, "top_ranked": None,
                "relevant_docs": {f"{split}{n}": {f"d{n}": 1, f"d{n + 9}": 0} for n in range(3)}}

TASKS = {
    "Fever": lambda subsets: Task("Fever", ["validation", "test"]),
    "Odd": lambda subsets: Task("Odd", ["standard"]),
    "Many": lambda subsets: Task("Many", ["test"], subsets or ["de", "ja"]),
    "Told": lambda subsets: Task("Told", ["test"], instruction="only recent ones"),
    "Unreachable": lambda subsets: Task("Unreachable", ["test"]),
    "Pairs": lambda subsets: Task("Pairs", ["test"]),
}

def get_task(name, hf_subsets=None):
    if name not in TASKS:
        raise KeyError(f"KeyError: '{name}' not found. Did you mean: Fever?")
    return TASKS[name](hf_subsets)
'''


@pytest.fixture
def mteb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that were loaded."""
    (tmp_path / "packages" / "mteb").mkdir(parents=True)
    (tmp_path / "packages" / "mteb" / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "mteb", raising=False)
    loaded: list[str] = importlib.import_module("mteb").LOADED
    return loaded


def test_a_task_is_a_data_set_and_is_loaded_once(cli: Cli, mteb: list[str], tiny_model: Path) -> None:
    measured = cli("eval", "mteb:Fever", "--backbone", tiny_model, "--json")
    assert measured.code == 0, measured.err
    assert (measured.json["dataset"], measured.json["queries"]) == ("mteb--Fever", 3)
    again = cli("eval", "mteb:Fever", "--backbone", tiny_model, "--split", "dev", "--json")
    assert again.code == 0, again.err
    assert mteb == ["Fever"], "it is kept"


def test_its_splits_have_the_names_of_others(mteb: list[str], tmp_path: Path) -> None:
    dataset = load_dataset("mteb:Fever", cache=tmp_path / "c")
    assert dataset.judgements.keys() == {"dev", "test"}
    assert dataset.qrels("test") == {f"test{n}": {f"d{n}": 1, f"d{n + 9}": 0} for n in range(3)}
    assert len(dataset.corpus) == 30
    assert (dataset.corpus["d0"].title, dataset.corpus["d1"].title) == ("", "About")
    alone = load_dataset("mteb:Odd", cache=tmp_path / "c")
    assert alone.judgements.keys() == {"test"}, "the only one there is"


def test_a_part_of_a_task_of_several_languages(mteb: list[str], tmp_path: Path) -> None:
    dataset = load_dataset("mteb:Many/ja", cache=tmp_path / "c")
    assert dataset.queries["test0"].text == "熱 0"


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("Feber", "mteb has no task 'Feber'", "get_tasks"),
        ("Many", "mteb:Many has 2 parts.", "Name one: mteb:Many/de, mteb:Many/ja."),
        ("Many/fr", "mteb:Many has no part fr.", "It has de, ja."),
        ("Told", "mteb:Told asks with more than texts", "instruction"),
        ("Pairs", "mteb:Pairs is no retrieval task.", "retrieval alone"),
        ("Unreachable", "mteb:Unreachable could not be loaded: no route to the hub", "check the network"),
    ],
)
def test_what_is_no_retrieval_task_is_said_in_a_line(
    cli: Cli, mteb: list[str], tiny_model: Path, name: str, says: str, hint: str
) -> None:
    ran = cli("eval", f"mteb:{name}", "--backbone", tiny_model)
    assert ran.code == 2
    assert says in " ".join(ran.err.split())
    assert hint in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_without_the_package_it_says_what_to_install(
    cli: Cli, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "mteb", None)
    ran = cli("eval", "mteb:Fever", "--backbone", tiny_model)
    assert ran.code == 2
    assert "The package mteb is not installed." in ran.err
    assert "pip install 'mteb>=2'" in ran.err


def test_one_is_imported_as_a_folder(cli: Cli, mteb: list[str]) -> None:
    done = cli("import", "mteb:Odd", "--json")
    assert done.code == 0, done.err
    assert (Path("Odd-data") / "corpus.jsonl").is_file()
    assert done.json["judgements"] == {"test": 6}

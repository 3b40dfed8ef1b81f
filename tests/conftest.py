"""What the tests share: a tiny data set, a tiny model, and the CLI as a function."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from syneg_cli.core import secrets
from tests.patience import PATIENCE

# Tiny models compute faster on one thread, and two test processes do not fight for the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The hub's library waits 10 s for an answer: a busy machine may need longer to give one to itself.
os.environ |= dict.fromkeys(("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"), f"{PATIENCE:.0f}")

# Whoever runs the tests in the background, or under nohup, has these ignored: tests send them.
for one, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (getattr(signal, "SIGHUP", None), signal.SIG_DFL),
):
    if one is not None and signal.getsignal(one) is signal.SIG_IGN:
        signal.signal(one, usual)

OF_THE_USER = ("SYNEG_", "OPENAI_", "OLLAMA_", "COLUMNS", "FORCE_COLOR", "NO_COLOR")
"""Beginnings of variables that mean something to syneg; a test sets those that it is about."""

for name in [name for name in os.environ if name.startswith(OF_THE_USER)]:
    del os.environ[name]

# No example has to be quick, and none is kept from one run of the tests to the next.
hypothesis_settings.register_profile(
    "any machine", deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"

DOCS = {
    "d1": ("Vitamin D and bone", "Vitamin D supplements raise bone density in older women."),
    "d2": ("Vitamin D and mood", "Vitamin D supplements show no effect on mood in adults."),
    "d3": ("Aspirin trial", "Low dose aspirin lowers the risk of heart attack in men."),
    "d4": ("Aspirin dosing", "Aspirin dose was compared in two groups of men with headache."),
    "d5": ("Sleep and memory", "Sleep after learning improves memory of word lists."),
    "d6": ("Sleep apnea", "Sleep apnea is common in older men and women."),
}
QUERIES = {
    "q1": "vitamin D improves bone density",
    "q2": "aspirin prevents heart attack",
    "q3": "sleep helps memory",
    "q4": "vitamin D helps mood",
}
QRELS = {"train": [("q1", "d1", 1), ("q2", "d3", 1), ("q4", "d2", 1)], "test": [("q3", "d5", 1)]}


def write_dataset(
    folder: Path,
    docs: dict[str, tuple[str, str]] | None = None,
    queries: dict[str, str] | None = None,
    qrels: dict[str, list[tuple[str, str, int]]] | None = None,
) -> Path:
    """A BEIR folder on disk, by default the six documents above."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for doc_id, (title, text) in (docs or DOCS).items():
            file.write(json.dumps({"_id": doc_id, "title": title, "text": text}) + "\n")
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        for query_id, text in (queries or QUERIES).items():
            file.write(json.dumps({"_id": query_id, "text": text}) + "\n")
    for split, rows in (qrels or QRELS).items():
        lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{d}\t{grade}" for q, d, grade in rows)]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Converted corpora and downloads are kept for this run of the tests only, away from the user's; no key of theirs is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """To set variables of proxies with; at first there are none."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """What a test gave as a key is hidden from that test's messages alone."""
    yield
    secrets._known.clear()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder in BEIR layout with six documents and four queries."""
    return write_dataset(tmp_path / "tiny")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder: a two-layer BERT of 32 dimensions with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("model")
    words = sorted({w for title, text in DOCS.values() for w in f"{title} {text}".lower().split()})
    letters = [chr(c) for c in range(97, 123)] + [str(d) for d in range(10)]
    pieces = [*letters, *(f"##{letter}" for letter in letters), ".", ",", "-", "?"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces, *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(dict.fromkeys(vocabulary)),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=48)
    model = SentenceTransformer(
        modules=[transformer, Pooling(32, "mean"), Normalize()], device="cpu", similarity_fn_name="cosine"
    )
    model.save(str(folder / "st"))
    return folder / "st"


@pytest.fixture(scope="session")
def tiny_cross_encoder(tiny_model: Path) -> Path:
    """A CrossEncoder folder: the tiny BERT with a random head of one score."""
    from transformers import BertForSequenceClassification, BertTokenizer

    source, folder = tiny_model.parent / "bert", tiny_model.parent / "cross"
    BertForSequenceClassification.from_pretrained(source, num_labels=1).save_pretrained(folder)
    BertTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class CliResult:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        loaded = json.loads(self.out)
        assert isinstance(loaded, dict)
        return loaded


Cli = Callable[..., CliResult]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `syneg ARGS` in an empty folder, in this process."""
    from syneg_cli.cli.app import main

    work = tmp_path / "cwd"
    work.mkdir(exist_ok=True)
    monkeypatch.chdir(work)
    for name in ("SYNEG_DATA_DIR", "SYNEG_WORK_DIR", "SYNEG_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: object) -> CliResult:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return CliResult(code, captured.out, captured.err)

    return run


@pytest.fixture
def shared() -> Path:
    """The team's SciFact copy and recorded answers; the test is skipped where they are missing."""
    if not (SHARED / "data" / "scifact" / "corpus.jsonl").is_file():
        pytest.skip("no shared data beside the checkout")
    return SHARED

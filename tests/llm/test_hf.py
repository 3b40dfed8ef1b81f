"""The in-process provider with a tiny model of random weights: it writes noise, and valid JSON."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from syneg_cli.core.errors import LLMSetupError
from syneg_cli.generation.answer_schema import answer_schema
from syneg_cli.llm import Answer, Request, Subject, open_llm
from syneg_cli.llm.base import Refused, Unanswerable
from syneg_cli.llm.constrained import smallest
from syneg_cli.llm.hf import fingerprint
from tests.conftest import Cli

EXAMPLE = {
    "plan": "...",
    "kind": "good | bad",
    "negatives": [{"title": "...", "document": "..."}],
    "sure": True,
}
SCHEMA = answer_schema(EXAMPLE, n=2)
TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer Llama over bytes, with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("hf")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({c: i for i, c in enumerate([*alphabet, "<end>", "<pad>"])}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=264,  # wider than the vocabulary, as real models are
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=8192,
        eos_token_id=256,
        pad_token_id=257,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def ask(
    model: Path, *texts: str, schema: object = SCHEMA, max_tokens: int = 300, temperature: float = 1.0
) -> list[Answer]:
    async def main() -> list[Answer]:
        llm = open_llm(f"hf:{model}")
        requests = [
            Request(Subject(text, "d", "p"), (("user", text),), schema, temperature, max_tokens, seed=1)  # type: ignore[arg-type]
            for text in texts
        ]
        return await asyncio.gather(*(llm.complete(request) for request in requests))

    return asyncio.run(main())


@pytest.mark.parametrize("max_tokens", [160, 400])
def test_noise_in_the_shape_of_the_schema(model: Path, max_tokens: int) -> None:
    for answer in ask(model, "a", "a longer question", max_tokens=max_tokens):
        value = json.loads(answer.text)
        assert list(value) == ["plan", "kind", "negatives", "sure"]
        assert value["kind"] in ("good", "bad")
        assert [sorted(item) for item in value["negatives"]] == [["document", "title"]] * 2
        assert answer.finish == "stop"
        assert 0 < answer.completion_tokens <= max_tokens
        assert answer.prompt_tokens > len("<user>a")


def test_without_a_schema_it_writes_freely_until_the_bound(model: Path) -> None:
    (answer,) = ask(model, "a", schema=None, max_tokens=20)
    assert answer.completion_tokens <= 20
    with pytest.raises(ValueError, match=r"Expecting|Invalid|Extra"):
        json.loads(answer.text)


def test_greedy_answers_do_not_depend_on_the_batch(model: Path) -> None:
    alone = ask(model, "one", max_tokens=160, temperature=0.0)[0].text
    assert ask(model, "one", "another, longer one", max_tokens=160, temperature=0.0)[0].text == alone


def test_a_prompt_beyond_the_context_is_refused(model: Path) -> None:
    with pytest.raises(Refused, match="8192 tokens"):
        ask(model, "x" * 9000)


def test_a_prompt_that_is_too_long_is_refused_alone(model: Path) -> None:
    async def main() -> list[Answer | BaseException]:
        llm = open_llm(f"hf:{model}")
        texts = ("short", "x" * 9000, "also short")
        asked = [Request(Subject(t, "d", "p"), (("user", t),), max_tokens=4, temperature=0) for t in texts]
        return await asyncio.gather(*(llm.complete(one) for one in asked), return_exceptions=True)

    first, second, third = asyncio.run(main())
    assert isinstance(second, Unanswerable)
    assert isinstance(first, Answer)
    assert isinstance(third, Answer)


@pytest.mark.parametrize("name", ["none", "no/such-model", "no..ne"])
def test_a_model_that_the_hub_does_not_give_is_one_line_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is nobody: one request finds out, and none is tried again."""
    asked: list[str] = []

    def model_info(self: object, model: str, **options: object) -> None:
        asked.append(model)
        raise ConnectionError("nobody there")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    with pytest.raises(LLMSetupError) as caught:
        ask(Path(name), "a")
    assert "cannot be reached (nobody there)" in caught.value.message
    assert "\n" not in caught.value.message
    assert asked == [name]


def test_a_model_without_chat_template_is_refused(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        if "template" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(LLMSetupError, match="no chat template"):
        ask(tmp_path, "a")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./nowhere", "is no folder"),
        ("/no/such/folder", "is no folder"),
        ("~nobody_here/model", "is no path: could not determine home directory"),
        ("a\0b", "a path has no nul character"),
        ("\udcff", "is not named in UTF-8"),
        ("x" * 5000, "File name too long"),
    ],
    ids=["here", "absolute", "nobody's home", "NUL", "no UTF-8", "too long"],
)
def test_a_folder_that_is_not_there(cli: Cli, tiny: Path, name: str, said: str) -> None:
    for more in ((), ("--estimate",)):
        done = cli("generate", tiny, "--llm", f"hf:{name}", *more)
        assert done.code == 2, done.err
        assert said in done.err


def test_doctor_loads_it_and_says_what_a_run_would(cli: Cli, tiny: Path, model: Path, tmp_path: Path) -> None:
    good = cli("doctor", "--llm", f"hf:{model}")
    assert "can be read; it needs no server" in " ".join(good.out.split())
    broken = shutil.copytree(model, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:5000])
    wrong = cli("doctor", "--llm", f"hf:{broken}")
    assert wrong.code == 1
    assert "hf:broken cannot be loaded" in wrong.out
    failed = cli("generate", tiny, "--llm", f"hf:{broken}")
    assert failed.code == 1
    assert "hf:broken cannot be loaded" in failed.err


def test_the_fingerprint_is_that_of_the_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "a").write_text("2")
    assert fingerprint(tmp_path) != before


def test_the_shortest_answer_is_counted() -> None:
    assert smallest(answer_schema({"a": "...", "b": [{"c": "x | yy"}]})) == len('{"a":"","b":[{"c":"yy"}]}')


def test_the_whole_command_runs_in_process(cli: Cli, tiny: Path, model: Path) -> None:
    result = cli(
        "generate",
        tiny,
        "--llm",
        f"hf:{model}",
        "--max-tokens",
        200,
        "--prompt",
        "plain",
        "--limit",
        1,
    )
    assert result.code == 1, "weights drawn at random write nothing usable"
    assert "0 of 1 pairs got a usable negative: 2 negatives dropped: empty." in result.err
    answers = cli("cache", "list", "--json").json["answers"]
    assert isinstance(answers, list)
    assert len(answers) == 2, "the correction round's as well"

"""Encoding in int8: what dynamic quantisation would give, and what it would cost in negatives.

    python -m benchmarks.int8 FOLDER/aldermere-support [--texts 128]

FOLDER is what `syneg demo FOLDER` wrote. MiniLM encodes the first documents and 64 questions in every way,
on one thread, taking turns twice; seconds are the processor's. "The same negatives" is the share of the ten
nearest documents of a question that fp32 finds, too. Ways that are not installed are left out.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NAMES = ["input_ids", "attention_mask", "token_type_ids"]
Way = Callable[[dict[str, Any]], Any]
"""Input tensors of n texts -> the last hidden state, (n, length, d)."""


def ways(transformer: Any) -> dict[str, Way]:
    import torch

    from syneg_cli.encoding.runtimes import compile_transformer

    def of_torch(module: Any) -> Way:
        return lambda features: module(dict(features))["token_embeddings"].float()

    found = {"PyTorch fp32": of_torch(transformer)}
    found["PyTorch bf16"] = of_torch(copy.deepcopy(transformer).bfloat16())
    eager = copy.deepcopy(transformer)
    quantised: Any = import_module("torch.ao.quantization").quantize_dynamic
    eager.model = quantised(eager.model, {torch.nn.Linear}, dtype=torch.qint8)
    found["torch.ao int8"] = of_torch(eager)
    if find_spec("torchao"):
        library: Any = import_module("torchao.quantization")
        eager = copy.deepcopy(transformer)
        library.quantize_(eager.model, library.Int8DynamicActivationInt8WeightConfig())
        found["torchao int8"] = of_torch(eager)
    if find_spec("onnx") and find_spec("onnxscript"):
        compiled = compile_transformer(transformer, "onnx", "fp32")
        found["ONNX Runtime fp32"] = lambda features: compiled(dict(features))["token_embeddings"]
        found["ONNX Runtime int8"] = onnx_int8(transformer)
    if find_spec("openvino"):
        other = compile_transformer(transformer, "openvino", "fp32")
        found["OpenVINO fp32"] = lambda features: other(dict(features))["token_embeddings"]
    return found


def onnx_int8(transformer: Any) -> Way:
    """Weights in int8, a scale for each output channel; activations are quantised as they come."""
    import torch

    from syneg_cli.encoding import runtimes

    runtime: Any = import_module("onnxruntime")
    tools: Any = import_module("onnxruntime.quantization")
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.no_grad(),
        runtimes._plain_attention(transformer.model),
    ):
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        program: Any = torch.onnx.export(
            runtimes._hidden(transformer.model, NAMES),
            tuple(runtimes._inputs(transformer, NAMES)),
            dynamo=True,
            dynamic_shapes=((dynamic,) * len(NAMES),),
            opset_version=runtimes.OPSET,
            verbose=False,
        )
        program.save(whole)
        options = {"DefaultTensorType": 1}  # float32, for what onnx finds no type for
        weights = tools.QuantType.QInt8
        tools.quantize_dynamic(whole, small, weight_type=weights, per_channel=True, extra_options=options)
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads, settings.log_severity_level = 1, 3
        session = runtime.InferenceSession(small, settings, providers=["CPUExecutionProvider"])
    inputs = [given.name for given in session.get_inputs()]

    def run(features: dict[str, Any]) -> Any:
        given = dict(zip(inputs, (features[name].numpy() for name in NAMES), strict=True))
        return torch.from_numpy(session.run(None, given)[0])

    return run


def encoded(way: Way, batches: list[Any], count: int) -> Any:
    """(count, d) unit vectors, mean pooled."""
    import torch

    vectors: list[Any] = [None] * count
    for batch in batches:
        real = batch.features["attention_mask"].unsqueeze(-1).float()
        sums = (way(batch.features) * real).sum(1) / real.sum(1)
        for place, vector in zip(batch.places, torch.nn.functional.normalize(sums, dim=1), strict=True):
            vectors[place] = vector
    return torch.stack(vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--texts", type=int, default=128)
    args = parser.parse_args()

    import torch

    from syneg_cli.encoding.loading import load_model
    from syneg_cli.encoding.token_batches import token_batches

    torch.set_num_threads(1)
    model = load_model("minilm").eval()
    corpus, queries = (
        [json.loads(line) for line in (args.dataset / name).read_text(encoding="utf-8").splitlines()]
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    texts = [f"{one['title']} {one['text']}" for one in corpus[: args.texts]]
    asked = [one["text"] for one in queries[:64]]
    documents = list(token_batches(model, 0, texts, "document", 4096))
    questions = list(token_batches(model, 0, asked, "query", 4096))
    best: dict[str, float] = {}
    vectors: dict[str, tuple[Any, Any]] = {}
    with torch.inference_mode(False), torch.no_grad():
        found = ways(model[0])
        for _ in range(2):
            for name, way in found.items():
                start = time.process_time()
                own = encoded(way, documents, len(texts))
                best[name] = min(best.get(name, float("inf")), time.process_time() - start)
                vectors[name] = own, encoded(way, questions, len(asked))
    wanted, _ = vectors["PyTorch fp32"]
    print(
        "| | documents a second | against fp32 | lowest cosine | the same negatives |\n|---|---|---|---|---|"
    )
    nearest = {name: (asking @ own.T).topk(10).indices for name, (own, asking) in vectors.items()}
    for name, (own, _) in vectors.items():
        pairs = zip(nearest["PyTorch fp32"].tolist(), nearest[name].tolist(), strict=True)
        same = sum(len(set(one) & set(other)) for one, other in pairs) / (10 * len(asked))
        rate, lowest = len(texts) / best[name], float((own * wanted).sum(1).min())
        gain = best["PyTorch fp32"] / best[name]
        print(f"| {name} | {rate:.0f} | {gain:.2f} | {lowest:.4f} | {same:.1%} |")


if __name__ == "__main__":
    main()

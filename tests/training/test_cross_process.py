"""Two processes with half the batch each, against one with all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import distributed, multiprocessing

from syneg_cli.core.errors import UsageError
from syneg_cli.core.records import NegativeRef, TrainingInstance
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.loading import load_model
from syneg_cli.mixing.families import families
from syneg_cli.mixing.texts import Texts
from syneg_cli.training.batches import Collator
from syneg_cli.training.companions import check_kind
from syneg_cli.training.cross_process import gather_documents
from syneg_cli.training.objective import Objective, Terms
from syneg_cli.training.settings import TrainSettings
from tests.conftest import Cli, write_dataset

INSTANCES = [
    TrainingInstance(query, positive, (tuple(NegativeRef("dense", d) for d in negatives),))
    for query, positive, negatives in [
        ("q1", "d1", ("d4",)),
        ("q2", "d3", ("d2", "d6")),
        ("q4", "d2", ("d5",)),
        ("q3", "d5", ()),
    ]
]


def gradient(folder: str, model_path: str, rows: list[int], *, shared: bool) -> torch.Tensor:
    dataset = load_dataset(folder, cache=Path(folder).parent / f"cache{os.getpid()}", dev_fraction=0)
    model = load_model(model_path).eval()
    collator = Collator(
        families=families(INSTANCES),
        dataset=dataset,
        texts=Texts(),
        tokenise=lambda texts, task: model.preprocess(texts, task=task),
        share=shared,
    )
    batch = collator([{"family": row} for row in rows])
    parts = [
        {key.removeprefix(f"{part}_"): value for key, value in batch.items() if key.startswith(f"{part}_")}
        for part in ("query", "document")
    ]
    gather = gather_documents if shared else None
    objective = Objective(model, Terms(temperature=0.1), autocast=nullcontext, gather=gather)
    objective(parts, batch["label"]).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def half(rank: int, meeting: str, folder: str, model_path: str, target: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    own: Any = gradient(folder, model_path, [0, 1] if rank == 0 else [2, 3], shared=True)
    distributed.all_reduce(own)
    if rank == 0:
        torch.save(own / 2, target)
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.skipif(not distributed.is_available(), reason="torch without distributed")
def test_two_processes_have_the_gradient_of_the_joined_batch(
    tiny: Path, tiny_model: Path, tmp_path: Path
) -> None:
    joined = gradient(str(tiny), str(tiny_model), [0, 1, 2, 3], shared=False)
    target = tmp_path / "gradient.pt"
    meeting = tmp_path / "meeting"  # a file: a free port may be taken before the processes listen there
    multiprocessing.spawn(  # type: ignore[attr-defined, no-untyped-call]
        half, args=(str(meeting), str(tiny), str(tiny_model), str(target)), nprocs=2
    )
    assert torch.allclose(torch.load(target), joined, atol=1e-5)
    assert joined.abs().max() > 1e-3


def by_one_and_by_two(
    cli: Cli, backbone: Path, tmp_path: Path, training: str
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The weights that one process trains with a batch of four, and that two train with halves of it."""
    qrels = {
        "train": [("q1", "d1", 1), ("q2", "d3", 1), ("q4", "d2", 1), ("q3", "d5", 1)],
        "test": [("q3", "d5", 1)],
    }
    folder = write_dataset(tmp_path / "four", qrels=qrels)
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{folder}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\ndepth = 2\n'
        f'[mix]\nstrategy = "retrieved"\nnegatives = 1\n[train]\nbackbone = "{backbone}"\nlr = 1e-3\n'
        f'precision = "fp32"\nepochs = 3\nmax_grad_norm = 1e9\n{training}'
    )
    assert cli("mine").code == cli("mix").code == 0
    alone = cli("train", "--batch-size", 4, "--output", "one")
    assert alone.code == 0, alone.err
    # --standalone: on a port of its own, because another pair of processes may be at work.
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "syneg_cli", "train", "--batch-size", "2", "--output", "two", "--json"]
    done = subprocess.run([sys.executable, *torchrun, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1, "one process talks"
    one, two = (load_file(Path(".syneg/four/models") / name / "model.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)
    return one, two


@pytest.mark.slow
@pytest.mark.parametrize("freeze", [0, 1])
def test_torchrun_trains_the_weights_of_one_process_with_the_joined_batch(
    freeze: int, cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    one, _ = by_one_and_by_two(cli, tiny_model, tmp_path, f"share_negatives = true\nfreeze = {freeze}\n")
    assert len(list(Path(".syneg/embeddings").glob("*/states"))) == freeze, "two processes kept what one did"
    base = load_file(tiny_model / "model.safetensors")
    assert one.keys() == base.keys()
    assert any(not torch.allclose(one[name], base[name], atol=1e-4) for name in one)


@pytest.mark.slow
def test_torchrun_trains_a_reranker_as_one_process_with_the_joined_batch(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    """A query's loss is its own group's, so halves of a batch are the batch."""
    one, _ = by_one_and_by_two(cli, tiny_model, tmp_path, 'kind = "cross-encoder"\ndropout = 0\n')
    base = load_file(tiny_model / "model.safetensors")
    of_both = {name: weights for name, weights in base.items() if f"bert.{name}" in one}
    assert any(not torch.allclose(one[f"bert.{name}"], old, atol=1e-4) for name, old in of_both.items())


def test_a_guide_does_not_see_what_other_processes_have() -> None:
    with pytest.raises(UsageError, match="The guide masks documents of its own process"):
        check_kind(TrainSettings(guide="minilm", share_negatives=True))

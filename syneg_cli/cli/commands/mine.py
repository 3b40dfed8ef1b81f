"""`syneg mine`: retrieved negatives, one file for each miner."""

from __future__ import annotations

from syneg_cli.cli.asking import Estimating
from syneg_cli.cli.options import DISJOINT, EMBEDDING, WRITTEN, Call, flags, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.stages import tables
from syneg_cli.cli.render.vectors import estimated_vectors
from syneg_cli.stages import estimate_mining, mine_stages, perform


@make(
    *section("mine", miners="--miner"),
    *flags("dataset.identical_ids", "dataset.same_document"),
    *EMBEDDING,
    WRITTEN,
    DISJOINT,
    force=True,
)
def command(call: Call, estimate: Estimating = False) -> None:
    """Mine negatives from the corpus: random, BM25, dense and more."""
    dataset = call.dataset()
    if estimate:
        data, told = estimated_vectors(estimate_mining(call.session, dataset))
        call.output.result(data, *told)
        return
    done = {stage.miner: perform(stage, force=call.force) for stage in mine_stages(call.session, dataset)}
    miners = [{**each.as_json(), "miner": miner} for miner, each in done.items()]
    shown = [item for each in done.values() for item in tables(each, dataset)]
    call.output.result({"stage": "mine", "miners": miners}, *shown)

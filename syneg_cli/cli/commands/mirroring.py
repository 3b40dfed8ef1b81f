"""`syneg generate --prompt mirror-queries`: queries for negatives that were made earlier."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from syneg_cli.cli.commands import calling

if TYPE_CHECKING:
    from syneg_cli.cli.commands.options import Session
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.generation.prompt_files import Prompt


def run(session: Session, dataset: Dataset, prompt: Prompt) -> None:
    """Read the synthetic negatives, ask for their queries, write the mirror file beside them."""
    from syneg_cli.cli.display import watch
    from syneg_cli.cli.output import money, table
    from syneg_cli.core.artifacts import Manifest, write_manifest
    from syneg_cli.core.files import content_hash, file_hash, write_jsonl
    from syneg_cli.core.record_files import read_synthetic
    from syneg_cli.generation.mirror_queries import mirror_queries

    started, section = time.monotonic(), session.project.generate
    workspace = session.workspace(dataset)
    source = workspace.synthetic(section.name)
    hint = f"Run `syneg generate {dataset.name}` first: it makes the negatives that need queries."
    negatives = read_synthetic(source, hint=hint)
    spec = calling.llm_spec(session, "generate")
    inputs = {"negatives": file_hash(source), "prompt": content_hash(prompt.source)}
    settings = {"llm": spec, "prompt": prompt.name, "temperature": section.temperature, "seed": section.seed}
    llm = calling.open_model(session, spec)
    with calling.open_cache(session) as cache:
        engine = calling.open_engine(
            session, llm, cache, job=content_hash([dataset.name, inputs, settings])[:16]
        )
        with watch(session.output, "queries", cap=engine.limits.max_cost, unit="negatives") as tick:
            found = mirror_queries(
                negatives,
                dataset,
                prompt,
                engine,
                temperature=section.temperature,
                seed=section.seed,
                structured=section.structured,
                tick=tick,
            )
    stats = engine.stats
    path = workspace.synthetic(f"{section.name}.mirror")
    write_jsonl(path, found.rows)
    data: dict[str, Any] = {
        "negatives": len(negatives),
        "queries": len(found.rows),
        "from_cache": stats.from_cache,
        "misses": stats.misses,
        "calls": stats.calls,
        "dropped": dict(found.dropped),
        "cost_usd": None if stats.unpriced else stats.cost_usd,
    }
    seconds = round(time.monotonic() - started, 3)
    write_manifest(path, Manifest("mirror-queries", inputs, settings, data, seconds, data["cost_usd"]))
    rows = [(key, value) for key, value in data.items() if key not in ("dropped", "cost_usd")]
    rows += [(f"  dropped: {reason}", count) for reason, count in found.dropped.items()]
    shown = table(None, ["mirror-queries", ""], [*rows, ("cost", money(data["cost_usd"]))])
    session.output.result({"path": str(path), **data}, shown, f"-> {path}\nUse it: syneg mix --mirror {path}")

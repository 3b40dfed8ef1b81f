"""`syneg demo`: the whole pipeline on the built-in benchmark, offline."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from syneg_cli.cli.commands import options, stage
from syneg_cli.cli.commands.options import Session

if TYPE_CHECKING:
    from syneg_cli.evaluation.evaluate import Evaluation

DATASET = "aldermere-support"
ARMS = {"mined": "retrieved", "SyNeg mix": "hybrid", "mirror": "mirror"}
"""Row of the final table -> strategy. Everything else is the same for all arms."""

PROJECT = '''\
# The built-in demonstration: support articles of an invented instrument maker.
# The synthetic negatives are recorded answers of a large language model to prompts/syneg.txt.
# To ask a model of your own instead: llm = "ollama:llama3" or "openai:MODEL".

[dataset]
name = "./{dataset}"
dev_fraction = 0              # nothing is selected here, so every training query is used
relevance = """
An article is relevant if it answers the question for exactly the product, model, code or situation \\
that the question is about. An article about a sibling product, another code or another situation is \\
not relevant, however alike it reads."""
attributes.domain = ["laboratory equipment support", "field service", "technical writing"]

[generate]
llm = "replay:negatives.jsonl"

[mine]
miners = ["dense"]

[mix]
strategy = "hybrid"           # or "mirror": each synthetic text with a question of its own
mirror = "mirror.jsonl"

[train]
backbone = "minilm"
'''


def register(app: typer.Typer) -> None:
    app.command("demo", help="Run the whole pipeline on the built-in benchmark, offline, in minutes.")(
        command
    )


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where the demo project is put.", show_default=True)
    ] = Path("syneg-demo"),
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    from syneg_cli.cli.output import duration

    started = time.monotonic()
    write_demo(directory)
    session = options.open_session({}, project=directory / "syneg.toml", as_json=as_json, quiet=quiet)
    session.output.note(f"The demo project is in {directory}; edit its syneg.toml and run `syneg run` there.")
    evaluations = run_arms(session, directory)
    data, shown = present(evaluations)
    seconds = time.monotonic() - started
    session.output.result({**data, "seconds": seconds}, *shown)
    session.output.note(f"demo: {duration(seconds)} in all")


def write_demo(directory: Path) -> None:
    """The benchmark as a BEIR folder, the recorded answers and a project file; existing files stay."""
    from syneg_cli.cli.commands.init import write_project
    from syneg_cli.core.errors import UsageError
    from syneg_cli.core.files import write_jsonl, write_text

    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file.", hint="Give a folder: `syneg demo DIR`.")
    folder = directory / DATASET
    if not (directory / "syneg.toml").exists():
        if directory.is_dir() and any(directory.iterdir()):
            raise UsageError(
                f"{directory} is not empty and holds no demo project.",
                hint="Give a new folder: `syneg demo DIR`.",
            )
        write_project(directory, None)
        write_text(directory / "syneg.toml", PROJECT.format(dataset=DATASET))
    queries = _packaged("queries")
    write_jsonl(folder / "corpus.jsonl", _packaged("docs"))
    write_jsonl(folder / "queries.jsonl", ({"_id": q["_id"], "text": q["text"]} for q in queries))
    for split in ("train", "test"):
        rows = [(q["_id"], d) for q in queries if q["split"] == split for d in q["positives"]]
        lines = ["query-id\tcorpus-id\tscore", *(f"{query}\t{doc}\t1" for query, doc in rows)]
        write_text(folder / "qrels" / f"{split}.tsv", "\n".join(lines) + "\n")
    for name in ("negatives", "mirror"):
        write_jsonl(directory / f"{name}.jsonl", _packaged(name))


def _packaged(name: str) -> list[dict[str, Any]]:
    file = resources.files("syneg_cli.demo") / f"{name}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def run_arms(session: Session, directory: Path) -> dict[str, Evaluation]:
    """Zero-shot, then each arm from mix to eval; generate and mine run once, for all of them."""
    from syneg_cli.cli.commands import evaluate, generate, mine

    dataset = session.dataset()
    stage.perform(cast("stage.Stage", generate), session, dataset)
    stage.perform(cast("stage.Stage", mine), session, dataset)
    backbone = evaluate.Subject("minilm", session.project.train.backbone)
    evaluations = {"zero-shot": evaluate.evaluate(session, dataset, backbone)}
    for name, strategy in ARMS.items():
        session.output.note(f"Now with negatives of the arm {name!r} (strategy {strategy}):")
        evaluations[name] = _arm(session, directory, strategy)
    return evaluations


def _arm(session: Session, directory: Path, strategy: str) -> Evaluation:
    from syneg_cli.cli.commands import evaluate, mix, train

    arm = options.open_session(
        {"mix.strategy": strategy, "mix.mirror": str((directory / "mirror.jsonl").resolve())},
        project=directory / "syneg.toml",
        as_json=session.output.as_json,
        quiet=session.output.quiet,
    )
    dataset = arm.dataset()
    stage.perform(cast("stage.Stage", mix), arm, dataset)
    stage.perform(cast("stage.Stage", train), arm, dataset)
    name = train.model_name(arm)
    subject = evaluate.Subject(name, str(arm.workspace(dataset).model(name)))
    return evaluate.evaluate(arm, dataset, subject)


def present(evaluations: dict[str, Evaluation]) -> tuple[dict[str, Any], list[Any]]:
    """One table: each arm against zero-shot, and those with LLM texts against mined negatives."""
    from syneg_cli.cli.output import table
    from syneg_cli.evaluation.evaluate import MAIN_METRIC, compare_metrics
    from syneg_cli.evaluation.significance import Comparison, verdict

    def against(system: str, baseline: str) -> Comparison:
        return compare_metrics(evaluations[system], evaluations[baseline])[MAIN_METRIC]

    rows: list[list[Any]] = []
    data: dict[str, Any] = {"arms": {}, "comparisons": {}}
    for name, evaluation in evaluations.items():
        data["arms"][name] = dict(evaluation.metrics)
        row: list[Any] = [name, f"{evaluation.metrics[MAIN_METRIC]:.4f}"]
        for baseline in ("zero-shot", "mined"):
            if name == baseline or (baseline == "mined" and name == "zero-shot"):
                row += ["", ""]
                continue
            c = against(name, baseline)
            data["comparisons"][f"{name} - {baseline}"] = asdict(c)
            row += [f"{c.difference:+.4f}", f"[{c.low:+.4f}, {c.high:+.4f}]"]
        rows.append(row)
    columns = ["", "nDCG@10", "to zero-shot", "95 % interval", "to mined", "95 % interval "]
    queries = len(evaluations["zero-shot"].per_query[MAIN_METRIC])
    title = f"syneg demo: {DATASET}, {queries} test queries, one training run per arm, equal settings"
    others = [name for name in evaluations if name not in ("zero-shot", "mined")]
    sentences = [f"{name} against mined. {verdict('nDCG@10', against(name, 'mined'))}" for name in others]
    return data, [table(title, columns, rows, right=lambda c: bool(c)), "\n".join(sentences)]

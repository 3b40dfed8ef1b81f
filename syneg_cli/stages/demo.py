"""The built-in benchmark: a project folder, and every arm from mix to evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, write_text
from syneg_cli.data import demo
from syneg_cli.evaluation import HALF, Evaluation
from syneg_cli.stages.evaluate import Eval, evaluation_of
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.mine import mine_stages
from syneg_cli.stages.mix import Mix
from syneg_cli.stages.project import PROJECT_FILE, resolve
from syneg_cli.stages.project_files import write_prompts
from syneg_cli.stages.queries import Queries
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import perform
from syneg_cli.stages.subjects import retriever
from syneg_cli.stages.train import Train

ARMS = {"mined": "retrieved", "SyNeg mix": "hybrid", "mirror": "mirror"}
"""Row of the final table -> strategy. Everything else is the same for all arms."""

PROJECT = '''\
# The built-in demonstration: support articles of an invented instrument maker.
# The synthetic negatives are recorded answers of a large language model to prompts/syneg.txt.
# To ask a model of your own instead: llm = "ollama:llama3" or "openai:MODEL".
# Recorded, too, is a question for every article (`syneg queries --llm replay:questions.jsonl`), to be put
# into the index: `syneg eval --expansion 0.5`.

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

[queries]
judged = true                 # for all articles, as an index needs them

[mine]
miners = ["dense"]
max_length = 96               # of 120 on average: they find as much, in less time

[mix]
strategy = "hybrid"           # or "mirror": each synthetic text with a question of its own
mirror = "mirror.jsonl"
negatives = 2                 # fewer than by default, and one epoch: the demo is to be short

[train]
backbone = "minilm"
max_length = 96
epochs = 1

[eval]
max_length = 96
'''


def write_demo(directory: Path) -> None:
    """The benchmark as a BEIR folder, the recorded answers and a project file; existing files stay.

    Raises:
        UsageError: the folder holds something else.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file.", hint="Give a folder: `syneg demo DIR`.")
    project = directory / PROJECT_FILE
    if not project.exists():
        if directory.is_dir() and any(directory.iterdir()):
            raise UsageError(
                f"{directory} is not empty and holds no demo project.",
                hint="Give a new folder: `syneg demo DIR`.",
            )
        write_prompts(directory)
        write_text(project, PROJECT.format(dataset=demo.DATASET))
    elif f'name = "./{demo.DATASET}"' not in project.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(
            f"{directory} holds a project that is not the demo.", hint="Give a new folder: `syneg demo DIR`."
        )
    demo.write_dataset(directory / demo.DATASET)
    demo.write_recordings(directory)


def run_arms(session: Session, directory: Path) -> dict[str, Evaluation]:
    """Zero-shot, then each arm from mix to eval; generate, queries and mine run once, for all of them.

    Those that are `expanded` search an index with LLM-written questions in it.
    """
    dataset = session.dataset()
    perform(Generate(session, dataset))
    for stage in mine_stages(session, dataset):
        perform(stage)
    questions = {
        "generate.llm": f"replay:{(directory / 'questions.jsonl').resolve()}",
        "queries.judged": True,
    }
    perform(Queries(_session(session, directory, questions), dataset))
    backbone = retriever(session.project.train.backbone)
    evaluations = {"zero-shot": evaluation_of(perform(Eval(session, dataset, backbone)))}
    expanded = _session(session, directory, {"eval.expansion": HALF})
    evaluations["expanded"] = evaluation_of(perform(Eval(expanded, dataset, backbone)))
    for name, strategy in ARMS.items():
        session.progress.note(f"Now with negatives of the arm {name!r} (strategy {strategy}):")
        flags = {"mix.strategy": strategy, "mix.mirror": str((directory / "mirror.jsonl").resolve())}
        arm = _session(session, directory, flags)
        perform(Mix(arm, dataset))
        perform(Train(arm, dataset))
        evaluations[name] = evaluation_of(perform(Eval(arm, dataset)))
        if strategy == "hybrid":
            both = _session(session, directory, {**flags, "eval.expansion": HALF})
            evaluations["mix, expanded"] = evaluation_of(perform(Eval(both, dataset)))
    return evaluations


def _session(session: Session, directory: Path, flags: dict[str, Any]) -> Session:
    """The demo's session with other settings."""
    return replace(session, resolved=resolve(flags, file=directory / PROJECT_FILE))

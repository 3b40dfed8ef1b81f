"""The built-in benchmark: a project folder, and every arm from mix to evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from syneg_cli.core import UsageError, write_text
from syneg_cli.data import demo
from syneg_cli.evaluation import Evaluation
from syneg_cli.stages.evaluate import Eval, evaluation_of
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.mine import mine_stages
from syneg_cli.stages.mix import Mix
from syneg_cli.stages.project import PROJECT_FILE, resolve
from syneg_cli.stages.project_files import write_prompts
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
    """Zero-shot, then each arm from mix to eval; generate and mine run once, for all of them."""
    dataset = session.dataset()
    perform(Generate(session, dataset))
    for stage in mine_stages(session, dataset):
        perform(stage)
    zero_shot = Eval(session, dataset, retriever(session.project.train.backbone))
    evaluations = {"zero-shot": evaluation_of(perform(zero_shot))}
    for name, strategy in ARMS.items():
        session.progress.note(f"Now with negatives of the arm {name!r} (strategy {strategy}):")
        evaluations[name] = _arm(session, directory, strategy)
    return evaluations


def _arm(session: Session, directory: Path, strategy: str) -> Evaluation:
    flags = {"mix.strategy": strategy, "mix.mirror": str((directory / "mirror.jsonl").resolve())}
    arm = replace(session, resolved=resolve(flags, file=directory / PROJECT_FILE))
    dataset = arm.dataset()
    for stage in (Mix(arm, dataset), Train(arm, dataset)):
        perform(stage)
    return evaluation_of(perform(Eval(arm, dataset)))

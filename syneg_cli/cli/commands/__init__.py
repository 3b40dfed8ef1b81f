"""One file per command: options in, one call of a stage or of the library, tables out.

A module offers `command`, or `group` where it has commands of its own. It is imported when it is
called; what `syneg --help` says of it is in `COMMANDS`.
"""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.helping import DescribedGroup

HELP = {"help_option_names": ["-h", "--help"]}
GROUP: Any = {
    "cls": DescribedGroup,
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": "rich",
    "context_settings": HELP,
}

COMMANDS: dict[str, tuple[str, str]] = {
    "init": (
        "Write a syneg.toml and a prompts/ folder to edit.",
        "syneg init scifact",
    ),
    "import": (
        "Make a data set folder of documents: texts, tables, databases, the hub.",
        "syneg import docs/ --output my-corpus",
    ),
    "queries": (
        "Let an LLM write queries for documents that have none.",
        "syneg queries my-corpus --llm ollama:llama3",
    ),
    "generate": (
        "Let an LLM write hard negatives for every training pair.",
        "syneg generate scifact --llm ollama:llama3 --max-cost 5",
    ),
    "mine": (
        "Mine negatives from the corpus: random, BM25, dense and more.",
        "syneg mine scifact --miner bm25 --miner dense",
    ),
    "verify": (
        "Find false negatives among the synthetic and the mined ones.",
        "syneg verify scifact --check judge --llm ollama:llama3 --effect mark",
    ),
    "mix": (
        "Mix synthetic and mined negatives into training instances.",
        "syneg mix scifact --strategy hybrid --ratio 0.7 --preview 2",
    ),
    "train": (
        "Fine-tune a backbone on the mixed training instances.",
        "syneg train scifact --backbone bge-base --epochs 3 --set train.warmup=0.2",
    ),
    "eval": (
        "Measure a model, a backbone or a TREC run on a data set.",
        "syneg eval scifact --model minilm-hybrid",
    ),
    "study": (
        "Arms times seeds from a frozen plan: what helps on your data, and how sure that is.",
        "syneg study scifact --arms hybrid --arms placebo --seeds 3 --plan",
    ),
    "report": (
        "Draw what training recorded: figures, Markdown and one HTML file.",
        "syneg report scifact",
    ),
    "run": (
        "Do whatever of generate, mine, mix, train and eval is not up to date.",
        "syneg run scifact --llm ollama:llama3",
    ),
    "status": (
        "Show which stages are up to date, and why the others are not.",
        "syneg status scifact",
    ),
    "prompts": (
        "The prompts: list, show, check and render them.",
        "syneg prompts show syneg",
    ),
    "cache": (
        "The generation cache, every answer ever paid for; and the embedding cache.",
        "syneg cache stats",
    ),
    "keys": (
        "Keys of servers: kept in a private file, listed without showing them.",
        "syneg keys set OPENAI_API_KEY",
    ),
    "doctor": (
        "Check this machine, the project, its caches and its server, and say what to do.",
        "syneg doctor --bundle report.txt",
    ),
    "export": (
        "Write training instances for other tools.",
        "syneg export scifact --format flagembedding --output train.jsonl",
    ),
    "demo": (
        "Run the whole pipeline on the built-in benchmark, offline, in minutes.",
        "syneg demo",
    ),
}
"""Name -> (what it does, an example), in the order of `syneg --help`; the module is of the same name."""

"""One file per command: options in, one library call, print.

A command module offers `register(app)`; the order here is the order of `syneg --help`.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from syneg_cli.cli.commands import (
    cache,
    demo,
    evaluate,
    export,
    generate,
    init,
    mine,
    mix,
    pipeline,
    prompts,
    report,
    train,
    verify,
)

COMMANDS: tuple[Callable[[typer.Typer], object], ...] = (
    init.register,
    generate.register,
    mine.register,
    verify.register,
    mix.register,
    train.register,
    evaluate.register,
    report.register,
    pipeline.register,
    prompts.register,
    cache.register,
    export.register,
    demo.register,
)

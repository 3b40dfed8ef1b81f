"""`syneg verify`: which negatives are relevant after all, and what becomes of them."""

from __future__ import annotations

from syneg_cli.cli.options import Call, Flag, flags, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.verified import verified
from syneg_cli.stages import perform, verify_stages

JUDGE = ("llm", "base_url", "concurrency", "max_cost", "max_calls")


@make(
    *section("verify", checks="--check", sources="--source", prompt="--judge-prompt"),
    *flags(*(f"generate.{key}" for key in JUDGE)),
    Flag("generate.name", help="Name of the synthetic negatives."),
    Flag("mine.backbone", help="The encoder of the margin check."),
    force=True,
)
def command(call: Call) -> None:
    """Find false negatives among the synthetic and the mined ones.

    Verdicts are stored beside the negatives; those of earlier checks are kept. `syneg mix` reads them.
    """
    dataset = call.dataset()
    done = [perform(stage, force=call.force) for stage in verify_stages(call.session, dataset)]
    data, shown = verified(done, dataset)
    call.output.result(data, *shown)

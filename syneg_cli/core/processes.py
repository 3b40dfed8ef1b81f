"""Several processes on one job, started by torchrun; one process where nothing was started.

The processes share the work directory. Rank 0 writes results and talks; the others keep
quiet. Objects travel through gloo, also where models compute on GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from syneg_cli.core.errors import SynegError

Item = TypeVar("Item")


@dataclass(frozen=True)
class World:
    """How many processes there are, and which one this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """This process's contiguous part: the parts in rank order make up the whole."""
        start, end = (len(items) * rank // self.size for rank in (self.rank, self.rank + 1))
        return items[start:end]

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()

    def gather(self, part: Any) -> list[Any]:
        """Every process's part, in rank order, at every process."""
        if self.size == 1:
            return [part]
        import torch.distributed

        parts: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(parts, part)
        return parts


def world() -> World:
    """The processes that torchrun started (WORLD_SIZE and RANK), joined on first use."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    import torch
    import torch.distributed

    if not torch.distributed.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        torch.distributed.init_process_group("gloo")
    return World(torch.distributed.get_rank(), torch.distributed.get_world_size())


def lost_process(error: Exception) -> SynegError | None:
    """What to say where another process of the job is gone; None for every other error."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or not isinstance(error, RuntimeError) or "gloo" not in str(error).lower():
        return None
    return SynegError(
        f"Process {os.environ.get('RANK', '?')} of {size} lost another one: it ended, or cannot be reached.",
        hint="What it had to say is in its own output. Start all of them again: they go on where they were.",
    )


def leave() -> None:
    """Part from the other processes; nothing to do where there are none."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

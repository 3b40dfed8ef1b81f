"""Several processes on one job: what the others say when one is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.core import lost_process

LEAVES = "import os\nfrom syneg_cli.core import world\nworld()\nos._exit(9)"


@pytest.mark.slow
def test_who_loses_another_process_says_so_and_what_to_do(tiny: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    commands = (["-m", "syneg_cli", "mine", str(tiny), "--miner", "random", "--json"], ["-c", LEAVES])
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            env=os.environ
            | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, command in enumerate(commands)
    ]
    out, err = processes[0].communicate()
    processes[1].communicate()
    assert processes[0].returncode == 1, err
    assert "Process 0 of 2 lost another one: it ended, or cannot be reached." in err
    assert "Start all of them again: they go on where they were." in out
    assert "unexpected" not in err


def test_one_process_has_none_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1")
    assert lost_process(error) is None
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert lost_process(error) is not None
    assert lost_process(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert lost_process(ValueError("gloo")) is None

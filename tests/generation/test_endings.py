"""What asks a run to end while calls are in flight: a terminal that closes, Ctrl-C twice, an empty account."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.generation.test_misbehaving_servers import (
    CONCURRENCY,
    PAIRS,
    command,
    make_dataset,
    spawn,
    stored_prompts,
)
from tests.patience import PATIENCE, wait_until
from tests.servers import Body, ChatServer, Reply, good_reply


@pytest.mark.slow
def test_a_closed_terminal_keeps_what_is_in_flight(tmp_path: Path) -> None:
    """The system and the shell each send a hangup then, and nothing can be written to the terminal any more."""
    dataset = make_dataset(tmp_path / "data")
    here, there = pty.openpty()

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    line = [sys.executable, "-m", "syneg_cli"]
    with ChatServer(latency=0.1) as server:
        process = subprocess.Popen(
            [*line, *command(dataset, server)],
            cwd=tmp_path,
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
            preexec_fn=own_terminal,
        )

        def close() -> None:
            os.close(here)
            process.send_signal(signal.SIGHUP)

        os.close(there)
        server.when(10, close)
        assert process.wait(PATIENCE) == 130
        server.wait_until_left()
    assert 10 <= len(server.answered) < PAIRS
    assert len(stored_prompts(tmp_path)) == len(server.answered), "what was in flight was finished"


@pytest.mark.slow
def test_nohup_means_what_it_says(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data", 20)

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with ChatServer(latency=0.05) as server:
        line = [sys.executable, "-m", "syneg_cli", *command(dataset, server)]
        process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.DEVNULL, preexec_fn=ignore)
        server.when(3, lambda: process.send_signal(signal.SIGHUP))
        assert process.wait(PATIENCE) == 0
    assert (tmp_path / ".syneg/data/synthetic/default.jsonl").is_file(), "it went on to its end"


@pytest.mark.slow
def test_an_end_says_what_it_waits_for_and_a_second_what_it_drops(tmp_path: Path) -> None:
    """Calls in flight may be paid for: who presses Ctrl-C twice has to know."""
    dataset = make_dataset(tmp_path / "data")
    with ChatServer(
        lambda body, number: Reply(hang=True) if number > 10 else good_reply(body, number)
    ) as server:
        process = spawn(tmp_path, command(dataset, server))
        assert process.stderr is not None
        wait_until(lambda: len(server.hanging) == CONCURRENCY, "as many calls as may be are in flight")
        process.send_signal(signal.SIGINT)
        said = process.stderr.readline().decode()
        assert f"stopping: waiting for {CONCURRENCY} answers in flight, which may be paid for" in said
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)[1].decode()
    assert process.returncode == 130
    assert f"{CONCURRENCY} calls in flight were dropped: the server may bill them all the same" in rest


def test_what_ends_a_run_does_not_drop_the_answers_in_flight(cli: Cli, tmp_path: Path) -> None:
    """An account runs out of credit: the calls before it are paid for, and their answers are on the way."""
    dataset = make_dataset(tmp_path / "data", 30)

    def respond(body: Body, number: int) -> Reply:
        if number == CONCURRENCY:
            return Reply(status=429, error="You exceeded your current quota", code="insufficient_quota")
        return replace(good_reply(body, number), delay=0.5)

    with ChatServer(respond) as server:
        result = cli(*command(dataset, server))
        server.wait_until_left()
    assert result.code == 1
    assert "no credit left" in result.err
    assert len(server.answered) >= CONCURRENCY - 1
    assert stored_prompts(tmp_path / "cwd") == {json.loads(asked)[0]["content"] for asked in server.answered}

"""How long a task takes, by a clock that the tests turn."""

from __future__ import annotations

import heapq
import random
import re
from collections.abc import Callable, Iterator
from io import StringIO

import pytest

from syneg_cli.cli.live import watch
from syneg_cli.cli.output import Output, progress_text
from syneg_cli.core import (
    Advance,
    Line,
    Pace,
    Printed,
    Progress,
    SaidOnce,
    forecast,
    pace,
    roughly,
    uncounted,
    weigh,
)
from syneg_cli.library.arguments import ticking
from syneg_cli.llm import Stats


class Clock:
    """Stands still until it is told how long something took."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at

    def takes(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    turned = Clock()
    monkeypatch.setattr(pace, "now", turned)
    return turned


ROUGHLY = {0: "5s", 23: "25s", 58: "1m", 71: "1m 10s", 64: "1m", 131: "2m 10s", 300: "5m", 700: "12m"}
ROUGHLY |= {3590: "1h 00m", 7500: "2h 05m", 90_000: "25h 00m"}


@pytest.mark.parametrize("seconds", ROUGHLY)
def test_what_is_not_known_well_is_not_said_to_the_second(seconds: int) -> None:
    assert roughly(seconds) == ROUGHLY[seconds]


def first_said(clock: Clock, items: Iterator[tuple[float, float]], of: float) -> tuple[float, float]:
    """(what was said to be left, what was left) for items of (seconds, work)."""
    every = list(items)
    judged, done = Pace(), 0.0
    for count, (seconds, work) in enumerate(every, start=1):
        clock.takes(seconds)
        done += work
        if (left := judged.step(done, of, count)) is not None:
            return left, sum(seconds for seconds, _ in every[count:])
    return 0.0, 0.0


@pytest.mark.parametrize("slow", [[9.0], [0.9, 2.0]])
def test_the_first_steps_are_slower_and_do_not_decide(clock: Clock, slow: list[float]) -> None:
    steps = [*((seconds, 1.0) for seconds in slow), *[(0.5, 1.0)] * 198]
    said, true = first_said(clock, iter(steps), len(steps))
    assert said == pytest.approx(true, rel=0.02)
    assert true > 95, "said early"


def test_a_task_that_goes_on_where_another_stopped(clock: Clock) -> None:
    """What was done before took no time, and says nothing."""
    said, true = first_said(clock, iter([(0.0, 900.0), (3.0, 1.0), *[(1.0, 1.0)] * 99]), 1000)
    assert said == pytest.approx(true, rel=0.05)


def test_slow_items_are_judged_by_few_of_them(clock: Clock) -> None:
    said, true = first_said(clock, iter([(20.0, 1.0)] * 10), 10)
    assert said == true == 160.0


@pytest.mark.parametrize(
    "steps",
    [[(0.01, 1.0)] * 300, [(1.0, 1.0)] * 10, [(60.0, 1.0)] * 2],
    ids=["short", "not long any more", "over before it is known"],
)
def test_what_is_short_is_not_said(clock: Clock, steps: list[tuple[float, float]]) -> None:
    assert first_said(clock, iter(steps), len(steps)) == (0.0, 0.0)


def test_what_becomes_slow_is_said_then(clock: Clock) -> None:
    said, true = first_said(clock, iter([*[(0.01, 1.0)] * 300, *[(10.0, 1.0)] * 100]), 400)
    assert said
    assert true > 900


def calls(
    clock: Clock, count: int, at_once: int, latency: Callable[[], float], *, loads: float, known: int = 0
) -> Iterator[Stats]:
    """The statistics at every tick of calls to a server that first loads its model; `known` need no call."""
    start = clock.at
    stats = Stats(total=count + known, done=known, from_cache=known)
    under_way = [start + loads + latency() for _ in range(min(at_once, count))]
    heapq.heapify(under_way)
    sent = len(under_way)
    while under_way:
        stats.in_flight = len(under_way)
        yield stats
        clock.takes(0.25)
        while under_way and under_way[0] <= clock.at:
            ended = heapq.heappop(under_way)
            stats.done, stats.answered = stats.done + 1, stats.answered + 1
            if sent < count:
                heapq.heappush(under_way, ended + latency())
                sent += 1


LATENCIES: dict[str, Callable[[random.Random], float]] = {
    "all alike": lambda drawn: 8.0,
    "alike": lambda drawn: drawn.uniform(6, 10),
    "any": lambda drawn: drawn.expovariate(1 / 8),
}


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("loads", [0.0, 40.0])
@pytest.mark.parametrize("at_once", [1, 8, 64])
def test_calls_come_in_waves(clock: Clock, latency: str, loads: float, at_once: int) -> None:
    drawn = random.Random(at_once)
    judged, said, when = Pace(), None, 0.0
    took = lambda: LATENCIES[latency](drawn)  # noqa: E731
    for stats in calls(clock, 20 * at_once, at_once, took, loads=loads, known=5000):
        left = judged.step(*stats.work, stats.answered, stats.in_flight)
        if left is not None:
            said, when = left, clock.at
    assert said == pytest.approx(clock.at - when, rel=0.6 if (latency, at_once) == ("any", 1) else 0.35)


def encode(progress: Progress, clock: Clock, *, count: int = 200, seconds: float = 0.5) -> None:
    with progress.task("Encoding documents", count, "docs") as advance:
        for _ in range(count):
            clock.takes(seconds)
            advance(1)


SAID = "Encoding documents: about 1m 40s for 196 more docs\n"


def test_a_notebook_is_told_once(clock: Clock) -> None:
    told = StringIO()
    encode(SaidOnce(Printed(interval=1e9, stream=told), set()), clock)
    encode(Printed(stream=told), clock, seconds=0.01)
    assert told.getvalue() == SAID


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_command_says_it_on_stderr(
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    as_json: bool,
) -> None:
    """Piped, or with a bar, which FORCE_COLOR brings."""
    monkeypatch.setenv(variable, "1")
    encode(Output(as_json=as_json), clock)
    shown = capsys.readouterr()
    assert shown.err.count(SAID) == 1
    assert not shown.out


def test_quiet_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    encode(Output(quiet=True), clock)
    with watch(Output(quiet=True), "generate") as tick:
        assert tick is None
    assert capsys.readouterr() == ("", "")


def test_work_is_not_items(clock: Clock) -> None:
    """The longest first: by their number the rest would take more than twice as long."""
    told = StringIO()
    lengths = sorted((1 + number % 100 for number in range(1000)), reverse=True)
    with Printed(interval=1e9, stream=told).task("Encoding documents", 1000, "docs") as advance:
        for number, length in enumerate(lengths):
            clock.takes(length / 500)
            weigh(advance, sum(lengths[: number + 1]), sum(lengths))
            advance(1)
    assert re.fullmatch(r"Encoding documents: about 1m 40s for 99\d more docs\n", told.getvalue())


def test_what_is_not_counted_is_named(clock: Clock) -> None:
    told = StringIO()
    with Printed(interval=1e9, stream=told).task("Training", 100, "steps") as advance:
        uncounted(advance, "measuring on dev")
        for _ in range(100):
            clock.takes(1.0)
            advance(1)
    assert told.getvalue() == "Training: about 1m 40s for 98 more steps, measuring on dev not counted\n"


def test_a_watcher_of_ones_own_needs_no_more_than_to_count(clock: Clock) -> None:
    counted: list[int] = []
    plain: Advance = counted.append
    weigh(plain, 1, 2)
    uncounted(plain, "measuring on dev")
    ticking(plain)(Stats(total=5, done=3))
    assert counted == [3]


def test_calls_are_told_of_by_commands_and_in_python(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with watch(Output(), "generate") as tick:
        for stats in calls(clock, 160, 8, lambda: 8.0, loads=0.0):
            assert tick is not None
            tick(stats)
    said = [line for line in capsys.readouterr().err.splitlines() if ": about " in line]
    assert said == ["generate: about 2m 20s for 144 more pairs"]
    told = StringIO()
    with Printed(interval=1e9, stream=told).task("generate", 160, "pairs") as advance:
        tick = ticking(advance)
        for stats in calls(clock, 160, 8, lambda: 8.0, loads=0.0):
            tick(stats)
    assert told.getvalue().splitlines() == said


def test_a_line_says_what_its_share_is_of(clock: Clock) -> None:
    line = Line("Encoding", 100, "docs", note=lambda text: None, show=lambda line: None)
    for _ in range(25):
        clock.takes(1)
        line(1)
    assert progress_text(line) == "25/100 docs, 25%, ETA 1m 20s"
    line.weigh(60, 100, None, 0)
    assert progress_text(line).startswith("25/100 docs, 60% of the work, ETA ")
    line.weigh(100, 100, None, 0)
    line(75)
    assert progress_text(line) == "100/100 docs, 100%"


@pytest.mark.parametrize(
    ("count", "unit", "said"),
    [(1, "steps", "1 more step"), (1, "queries", "1 more query"), (2, "docs", "2 more docs")],
)
def test_one_more_is_one(count: int, unit: str, said: str) -> None:
    assert forecast("Doing", 15.0, count, unit) == f"Doing: about 15s for {said}"

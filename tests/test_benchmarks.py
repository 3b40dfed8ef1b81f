"""`make bench`: what is measured goes into its place of the page, and every benchmark has one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, COMPUTING, PAGE, block, main, processor, replaced, told
from benchmarks.memory import STAGES


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_a_module_that_says_how_it_is_used(name: str) -> None:
    module = f"benchmarks.{BENCHMARKS[name][0]}"
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    assert Path(found.origin).read_text(encoding="utf-8").startswith('"""')


PLACES = [*((name, False) for name in BENCHMARKS), *((name, True) for name in COMPUTING)]


@pytest.mark.parametrize(("name", "plain"), PLACES)
def test_every_benchmark_has_a_place_in_the_page(name: str, plain: bool) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(block(name, plain=plain)) == 1
    once = replaced(page, name, "a first figure", plain=plain)
    twice = replaced(once, name, "a second one", plain=plain)
    assert "a first figure" in once
    assert "a first figure" not in twice
    assert twice.count("<!-- end -->") == page.count("<!-- end -->"), "nothing else is touched"
    for other in set(BENCHMARKS) - {name}:
        assert block(other, plain=False) in twice


def test_a_project_of_the_memory_benchmark_writes_beside_no_other_one() -> None:
    """What another size wrote there would be replaced, which no command does unasked."""
    assert not [word for command in STAGES.values() for word in command if ".." in word]


def test_cores_are_those_that_a_benchmark_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {1}, raising=False)
    assert processor().startswith("1 of 4 cores, ")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert processor().startswith("4 cores, ")


def test_a_figure_says_when_where_on_what_and_how_it_was_measured() -> None:
    said = told("mine", "cold 1.0 s\n", "the demo's articles", plain=True)
    for part in (
        processor(),
        "ATEN_CPU_CAPABILITY=avx2",
        "benchmarks.mine DATA",
        "DATA: the demo's articles",
    ):
        assert part in said
    assert "```text\ncold 1.0 s\n```" in said
    assert "DATA" not in told("memory", "", "the demo's articles", plain=False)


def test_a_page_without_a_place_is_no_page() -> None:
    with pytest.raises(ValueError, match="measured: mine"):
        replaced("# Benchmarks\n", "mine", "x", plain=False)


def test_a_benchmark_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mime"])
    assert ended.value.code == 2
    assert "no benchmark mime; there are rates, mine" in capsys.readouterr().err


@pytest.mark.slow
def test_the_rates_of_a_machine_add_up() -> None:
    """A small run: shares are of a rate that was measured, and what the time is in adds up to all of it."""
    command = [sys.executable, "-m", "benchmarks.rates", "--texts", "8", "--steps", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split("|")[1:-1] for line in done.stdout.splitlines()[2:]]
    assert [line[0].strip() for line in lines] == [
        "encoding, fp32",
        "training, fp32",
        "encoding, bf16",
        "training, bf16",
    ]
    for line in lines:
        rate, reached = float(line[1]), float(line[2])
        assert reached > 0
        assert abs(float(line[3].strip().rstrip("%")) - 100 * reached / rate) < 2
        shares = [float(part.rsplit(" ", 1)[1].rstrip("%")) for part in line[5].strip().split(", ")]
        assert 80 <= sum(shares) <= 105

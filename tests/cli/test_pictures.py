"""Small pictures in a terminal, none elsewhere; and the queries that lost most in a narrow one."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from syneg_cli.cli.render.changed import Lines
from syneg_cli.cli.render.pictures import Bars, Intervals, gains, similarities
from tests.conftest import write_dataset
from tests.terminal import Shown, in_terminal

TITLE = "Queries by their difference in nDCG@10"


PLAIN = re.compile(r"\x1b\[\d+m")


def drawn(
    picture: Bars | Intervals, *, columns: int = 80, terminal: bool = True, encoding: str = "utf-8"
) -> list[str]:
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding)
    console = Console(file=file, width=columns, force_terminal=terminal, no_color=True)
    console.print(picture)
    file.flush()
    return PLAIN.sub("", written.getvalue().decode(encoding)).splitlines()


def test_each_query_is_counted_once_and_bars_are_on_one_scale() -> None:
    lines = drawn(gains("nDCG@10", [-1.0, -0.3, -0.2, -0.1, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.5, 1.0]))
    rows = [line.split() for line in lines[1:]]
    assert TITLE in lines[0]
    counts = {line[:12].strip(): int(row[-1]) for line, row in zip(lines[1:], rows, strict=True)}
    assert counts == {
        "+0.5 to +1.0": 1,
        "+0.2 to +0.5": 1,
        "0.0 to +0.2": 2,
        "the same": 4,
        "-0.2 to 0.0": 2,
        "-0.5 to -0.2": 1,
        "-1.0 to -0.5": 1,
    }
    bars = {int(row[-1]): len(row[-2]) for row in rows}
    assert bars[4] == 2 * bars[2] == 30


def test_positives_and_negatives_side_by_side() -> None:
    lines = drawn(similarities([0.9, 0.8, 0.85, 1.0], [0.0, 0.1, 0.1, 0.2, 0.95]))
    shares = [[int(part) for part in line.replace("%", "").split() if part.isdigit()] for line in lines[2:]]
    assert [sum(column) for column in zip(*shares, strict=True)] == [100, 100]
    assert len(lines) == 12
    assert not drawn(similarities([], [0.5]))
    assert drawn(similarities([0.5], [0.5])), "one score is no range"


ARMS = [("dense", 0.02, 0.04, 0.06), ("hybrid", -0.02, 0.0, 0.02), ("synthetic", -0.06, -0.04, -0.02)]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_intervals_stand_on_one_scale_beside_zero(columns: int) -> None:
    title, dense, hybrid, synthetic, axis = drawn(Intervals("less the control's", ARMS), columns=columns)
    assert title == "less the control's"
    zero = axis.index(" 0 ") + 1
    assert dense[zero] == synthetic[zero] == "│"
    assert hybrid[zero] == "●", "its value is zero"
    assert "●" in dense[zero:]
    assert "●" not in dense[:zero]
    assert "●" in synthetic[:zero]
    assert abs(dense.count("─") - synthetic.count("─")) <= 1, "they are as wide"
    assert [line.split()[-1] for line in (dense, hybrid, synthetic)] == ["+0.0400", "+0.0000", "-0.0400"]
    assert axis.split() == ["-0.06", "0", "+0.06"]
    assert all(cell_len(line) <= columns for line in (title, dense, hybrid, synthetic, axis))


def test_an_interval_that_holds_zero_crosses_its_line_and_one_without_ends_is_not_drawn() -> None:
    nan = float("nan")
    lines = drawn(Intervals("", [("a", -0.1, 0.2, 0.3), ("b", nan, 0.1, nan), ("same", 0.0, 0.0, 0.0)]))
    assert "┼" in lines[1]
    assert [line.split()[0] for line in lines[1:-1]] == ["a", "same"]
    assert len(drawn(Intervals("", [("same", 0.0, 0.0, 0.0)]))) == 3, "nothing to divide by"
    assert drawn(Intervals("", [("b", nan, 0.1, nan)])) == drawn(Intervals("", [])) == []
    ascii_alone = drawn(Intervals("", [("a", -0.1, 0.2, 0.3)]), encoding="ascii")
    assert all(sign in ascii_alone[1] for sign in "-+o")


@pytest.mark.parametrize("options", [{"columns": 59}, {"terminal": False}])
def test_no_picture_where_there_is_no_room_or_no_terminal(options: dict[str, int]) -> None:
    for picture in (gains("nDCG@10", [0.5]), Intervals("", ARMS)):
        assert drawn(picture, **options) == []  # type: ignore[arg-type]


def test_a_terminal_that_knows_ascii_alone_gets_ascii() -> None:
    assert any("#" in line for line in drawn(gains("nDCG@10", [0.5]), encoding="ascii"))


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_titles_are_cut_and_ids_are_not(columns: int) -> None:
    rows = [["relevant", "rank 1 -> 2", "", "doc-1", "長い題名" * 40], ["", "rank 1", "relevant", "d", "x"]]
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, no_color=True)
    with console.capture() as shown:
        console.print(Lines(rows))
    lines = shown.get().splitlines()
    assert "doc-1" in lines[0]
    if columns > 40:  # where there is no room a title keeps a few letters, in a line of its own
        assert all(cell_len(line) <= columns for line in lines)
        assert lines[0].endswith("…")


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.chdir(tmp_path)
    folder = write_dataset(tmp_path / "tiny")
    for name, doc_id in (("good", "d5"), ("bad", "d1")):
        Path(f"{name}.trec").write_text(f"q3 Q0 {doc_id} 1 1.0 x\n")
    return ["eval", folder, "--run", "bad.trec", "--baseline", "good.trec", "--worst", 1]


def test_a_picture_in_a_terminal_that_is_read_without_colours(compared: list[object]) -> None:
    def run(**variables: str) -> Shown:
        shown = in_terminal(*compared, columns=80, rows=200, **variables)
        assert shown.code == 0, shown.text
        return shown

    plain = run(NO_COLOR="1")
    assert TITLE in plain.text
    assert "-1.0 to -0.5  ██████" in plain.text
    assert "\x1b[36m" not in plain.written
    assert "\x1b[36m" in run().written
    assert all(len(line) <= 80 for line in plain.lines)
    assert TITLE not in in_terminal(*compared, columns=50).text


def test_none_where_it_is_piped(compared: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    from syneg_cli.cli.app import main

    assert main([str(one) for one in compared]) == 0
    assert TITLE not in capsys.readouterr().out
    assert main([*(str(one) for one in compared), "--json"]) == 0
    assert "worst" in json.loads(capsys.readouterr().out)

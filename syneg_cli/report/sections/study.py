"""Studies: every arm against its control, how far seeds are apart, curves of R and τ, and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from syneg_cli.core import MissingArtifact, counted, duration
from syneg_cli.evaluation import METRICS, SeedComparison, plain_p
from syneg_cli.report.charts import Axis, Line, Lines, Row, line_chart, rows_chart
from syneg_cli.report.curves import Curve
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, BulletList, Figure, Figures, Folded, Heading, Paragraph, Table
from syneg_cli.report.sections.answer import ON, between, brackets, difference_row, ends
from syneg_cli.report.sections.comparisons import short
from syneg_cli.studies import (
    HEADINGS,
    PARTS,
    SAID,
    Part,
    Study,
    answer,
    by_arm,
    cells,
    heading,
    read_times,
    remarks,
    shown_tables,
)
from syneg_cli.studies import Line as Arm


def study_section(facts: Facts) -> list[Block]:
    """A section for each study of the data set; nothing where there is none."""
    return [
        block for place, study in enumerate(facts.studies, start=1) for block in _study(facts, study, place)
    ]


def _study(facts: Facts, study: Study, place: int) -> Iterator[Block]:
    """`place` keeps the names of two studies' pictures apart."""
    plan, lines = study.plan, study.lines
    yield Heading(f"Study {plan.name}")
    yield Paragraph(f"{heading(plan)}. Its plan ({plan.hash}) was written down before anything ran.")
    if other := _of_another_train(facts, study):
        yield Paragraph(other)
    if study is not facts.leading:  # else the page begins with it
        yield Paragraph(answer(plan, lines))
    name = "study" if place == 1 else f"study-{place}"
    figures = [*_forests(study, lines, name), _strip(study, lines, name), *_curves(study, lines, name)]
    if shown := [figure for figure in figures if figure]:
        yield Figures(shown)
    if took := _took(study):
        yield Paragraph(took)
    if told := _of_pilots(study):
        yield Paragraph(" ".join(told))
    yield from _tables(study, lines)
    yield Paragraph("What one has to know to read them:")
    yield BulletList(remarks(plan, lines))


def _of_another_train(facts: Facts, study: Study) -> str:
    """A sentence where train was another when the plan was frozen, as by `train_queries`; "" where not."""
    planned, dataset = study.plan.inputs.get("train qrels"), facts.texts
    judged = dataset.judgements.get("train", {}).keys() - dataset.synthetic if dataset else frozenset()
    if not planned or dataset is None or not judged or planned == dataset.judged_train:
        return ""
    now = counted(len(judged), "query", "queries")
    return f"It trains on other judgements than those of train now, which has {now} (see its plan)."


def compared(line: Arm, part: str) -> SeedComparison | None:
    """An arm against its control on a part of the queries; None where that was not measured."""
    found = line.parts.get(part)
    return found.against if found else None


def metric_of(study: Study) -> str:
    """The study's metric, as it is shown."""
    return METRICS[study.plan.metric].label


def _forests(study: Study, lines: Sequence[Arm], name: str) -> Iterator[Figure]:
    """A forest plot for each part of the queries, all on one scale, so that they can be compared."""
    shown = [line for line in lines if compared(line, "all")]
    gains = [gain for line in shown for part in PARTS if (gain := compared(line, part))]
    reach = [end for gain in gains for end in (0.0, gain.difference, *(ends(gain) or ()))]
    parts = [part for part in ("all", "unseen", "seen") if any(compared(line, part) for line in shown)]
    for part in parts:
        on = {line.arm.name: line.parts[part] for line in shown if compared(line, part)}
        queries = next(iter(on.values())).queries
        title = f"Gain over the control, {ON[part]} ({queries})"
        caption = _READ[part] + _corrected(study, on)
        rows = [_forest_row(study, line, on[line.arm.name]) for line in shown if line.arm.name in on]
        room = 0.06 * (max(reach) - min(reach)) or 0.01
        axis = Axis(
            f"difference in {metric_of(study)}, with its 95 % interval",
            0.0,
            left="worse",
            right="better",
            low=min(reach) - room,
            high=max(reach) + room,
        )
        table = Table(HEADINGS, [cells(line, on[line.arm.name]) for line in shown if line.arm.name in on])
        key = f"{name}-{part}"
        yield Figure(key, title, rows_chart(key, title, caption, rows, axis), caption, table)


_READ = {
    "all": (
        "The line is the 95 % interval of one comparison, over queries and seeds. A row has a colour where "
        "the difference also holds as one of all these comparisons; grey ones are neither better nor worse "
        "for sure."
    ),
    "unseen": (
        "Only queries whose documents were no positive in training: what a new document may hope for. The "
        "scale is that of the other pictures."
    ),
    "seen": (
        "Only queries with a document that was a positive in training: a gain here may be memory of which "
        "documents are ever asked for."
    ),
}


def _corrected(study: Study, on: Mapping[str, Part]) -> str:
    if study.plan.looks:
        return " p as it is: alpha was divided among the comparisons before anything ran."
    return f" p with Holm's correction for {len(on)} comparisons." if len(on) > 1 else ""


def _forest_row(study: Study, line: Arm, part: Part) -> Row:
    gain = part.against
    assert gain is not None
    label = f"{line.arm.name} − {line.arm.control}" + (" (primary)" if _is_primary(study, line) else "")
    return difference_row(label, part, f"{brackets(gain)} p {short(gain.p_corrected)}")


def _is_primary(study: Study, line: Arm) -> bool:
    return line.arm.name == study.plan.primary


def _strip(study: Study, lines: Sequence[Arm], name: str) -> Figure | None:
    """Every run as a ring, a row for each arm."""
    if not any(line.seeds > 1 for line in lines):
        return None
    rows, table, found = [], [], by_arm(study.rows)
    for line in lines:
        runs, part = found[line.arm.name], line.parts["all"]
        means = [fmean(run.scores.values()) for run in runs]
        spread = f", SD {part.sd:.4f}" if part.sd is not None else ""
        rows.append(Row(line.arm.name, part.mean, f"{part.mean:.4f}{spread}", points=means, classes="c0"))
        each = ", ".join(
            f"{mean:.4f}" + (f" (seed {run.seed})" if run.seed is not None else "")
            for run, mean in zip(runs, means, strict=True)
        )
        table.append([line.arm.name, each, f"{part.mean:.4f}", "–" if part.sd is None else f"{part.sd:.4f}"])
    title = "How far seeds are apart"
    caption = (
        "Each ring is one run, on all queries; the runs of a row differ in nothing but their seed, "
        "the tick is their mean. Arms whose rings mingle are not told apart by one run of each."
    )
    key = f"{name}-seeds"
    svg = rows_chart(key, title, caption, rows, Axis(f"{metric_of(study)} on {study.plan.split}"))
    return Figure(key, title, svg, caption, Table(["arm", "runs", "mean", "SD"], table))


def _curves(study: Study, lines: Sequence[Arm], name: str) -> Iterator[Figure]:
    """Differences over R and over τ, with the arm that has the project's own value."""
    of_r = [line for line in lines if "sweep-R" in line.arm.tables]
    of_tau = [line for line in lines if "sweep-tau" in line.arm.tables and _has_mixed(line)]
    own = [line for line in lines if line.arm.name == "hybrid"]
    if of_r:
        title, across = "What the ratio R changes", "R, synthetic : retrieved"
        caption = "Hybrid at each ratio, minus mined negatives alone"
        yield from _curve(study, [*of_r, *own], f"{name}-ratio", "mix.ratio", title, across, caption)
    if of_tau:
        title = "What the temperature τ changes"
        caption = "Hybrid at each temperature, minus mined negatives alone at the same one"
        yield from _curve(study, [*of_tau, *own], f"{name}-tau", "train.temperature", title, "τ", caption)


def _has_mixed(line: Arm) -> bool:
    """Whether it has synthetic negatives: the others of the sweep are their controls."""
    mix = line.arm.settings.get("mix")
    return isinstance(mix, Mapping) and mix.get("strategy") == "hybrid"


def _curve(
    study: Study, lines: Sequence[Arm], key: str, setting: str, title: str, across: str, what: str
) -> Iterator[Figure]:
    """The differences at each value of a setting, where there are two at least."""
    section, _, name = setting.partition(".")
    panels, table = [], []
    for part in ("all", "unseen"):
        points = {}
        for line in lines:
            value, gain = line.arm.settings.get(section, {}).get(name), compared(line, part)
            if gain is not None and isinstance(value, (int, float)):
                points[float(value)] = (line, gain)
        if len(points) < 2:
            continue
        order = sorted(points)
        curve = Curve(tuple(order), tuple(points[at][1].difference for at in order))
        bars = [(at, *known) for at in order if (known := ends(points[at][1]))]
        panels.append(Lines(ON[part], [Line(0, [curve], markers=True, bars=bars)]))
        for at in order:
            line, gain = points[at]
            row = [f"{at:g}", line.arm.name, str(line.arm.control), ON[part]]
            table.append([*row, f"{gain.difference:+.4f}", between(gain), plain_p(gain.p)])
    if not panels:
        return
    caption = (
        f"{what}, with 95 % intervals over queries and seeds. Points whose intervals overlap may differ by "
        "chance."
    )
    up = f"difference in {metric_of(study)}"
    columns = [across, "arm", "against", "queries", "difference", "95 % interval", "p"]
    svg = line_chart(key, title, caption, panels, across=across, up=up, legend=[], zero=True)
    yield Figure(key, title, svg, caption, Table(columns, table))


def _took(study: Study) -> str:
    """How long the runs took, arm by arm; "" where that is not known."""
    try:
        times = read_times(study.folder)
    except MissingArtifact as error:
        return f"How long its runs took is not known: {error.message}"
    each = ", ".join(f"{arm} {duration(seconds)}" for arm, seconds in times.items())
    whole = duration(sum(times.values()))
    return f"Its runs took {whole} so far: {each}. What an arm made first the others read." if times else ""


def _of_pilots(study: Study) -> list[str]:
    """What became of the forecasts that there were when the plan was frozen."""
    told = [str(one) for one in study.outcomes]
    known = {one.synthetic for one in study.outcomes}
    open_ = {name: said for name, said in study.frozen.beside.pilots.items() if name not in known}
    return told + [
        f"The pilot of {name} said {said!r}; no arm of this study that would show it is measured."
        for name, said in open_.items()
    ]


def _tables(study: Study, lines: Sequence[Arm]) -> Iterator[Block]:
    """The study's tables as its own files have them, but for repetitions, and what its arms are."""
    for table in shown_tables(study.plan, lines):
        blocks: list[Block] = []
        for part in table.parts:
            queries = table.lines[0].parts[part].queries
            blocks.append(Paragraph(f"{SAID[part][0].upper()}{SAID[part][1:]} ({queries}):"))
            blocks.append(Table(HEADINGS, [cells(line, line.parts[part]) for line in table.lines]))
        yield Folded(table.title, blocks)
    if lines:
        yield Folded(
            "What the arms are", [BulletList([f"{line.arm.name}: {line.arm.about}" for line in lines])]
        )

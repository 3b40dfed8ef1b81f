"""A study's tables: the same lines for a terminal, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syneg_cli.core import counted
from syneg_cli.evaluation import METRICS, caveat, interval, plain_p, verdict
from syneg_cli.mixing import FEW, as_ratio, asked, check_strategy, misses
from syneg_cli.studies.arms import TABLES
from syneg_cli.studies.comparing import PARTS, Line, Part
from syneg_cli.studies.plan import StudyPlan

SAID = {
    "all": "all queries",
    "seen": "queries with a document that was a positive in training",
    "unseen": "queries whose documents training never saw",
}
"""Part -> what it is called."""

SPECIAL = {
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "τ": r"$\tau$",
    "±": r"$\pm$",
    "−": "$-$",
}


@dataclass(frozen=True)
class StudyTable:
    """One of the study's tables: its lines, the controls among them."""

    key: str
    title: str
    lines: tuple[Line, ...]

    @property
    def parts(self) -> list[str]:
        """The parts of the queries that it is about."""
        return [part for part in PARTS if part in self.lines[0].parts]


def tables_of(plan: StudyPlan, lines: Sequence[Line]) -> list[StudyTable]:
    """A table for each group that has an arm of its own with results, with the controls of its arms.

    An arm's own table is its first; in others it is what arms there are compared with.
    """
    found = []
    here = {line.arm.name: line for line in lines}
    for key, title in TABLES.items():
        own = [line.arm.name for line in lines if key in line.arm.tables]
        controls = {here[name].arm.control for name in own}
        at_home = [name for name in own if here[name].arm.tables[0] == key]
        if at_home and not all(name == plan.control for name in at_home):
            shown = [line for line in lines if line.arm.name in own or line.arm.name in controls]
            found.append(StudyTable(key, title, tuple(shown)))
    return found


def shown_tables(plan: StudyPlan, lines: Sequence[Line]) -> list[StudyTable]:
    """The tables without those whose arms are all in another one: the files have every one.

    Of two with the same arms the first stays.
    """
    tables = tables_of(plan, lines)
    names = [{line.arm.name for line in table.lines} for table in tables]
    return [
        table
        for number, (table, own) in enumerate(zip(tables, names, strict=True))
        if not any(own < other or (own == other and place < number) for place, other in enumerate(names))
    ]


HEADINGS = (
    "arm",
    "seeds",
    "mean",
    "SD",
    "against",
    "difference",
    "95 % interval",
    "p",
    "p (Holm)",
    "verdict",
)


def cells(line: Line, part: Part) -> tuple[str, ...]:
    """A line of a table, as text; "–" where there is nothing to say."""
    compared = part.against
    seeds = str(line.seeds) if line.seeds else "–"
    own = (line.arm.name, seeds, f"{part.mean:.4f}", "–" if part.sd is None else f"{part.sd:.4f}")
    if compared is None:
        return (*own, *["–"] * 6)
    holm = "–" if compared.p_holm is None else plain_p(compared.p_holm)
    return (
        *own,
        line.arm.control or "–",
        f"{compared.difference:+.4f}",
        interval(compared),
        plain_p(compared.p),
        holm,
        (part.verdict or "–") + (" (stopped)" if line.stopped else ""),
    )


def answer(plan: StudyPlan, lines: Sequence[Line]) -> str:
    """The primary comparison in words; what is missing where it is not measured yet."""
    return " ".join(answers(plan, lines))


def answers(plan: StudyPlan, lines: Sequence[Line]) -> list[str]:
    """The primary comparison: what is compared, and a sentence for each part of the queries, all first.

    One sentence alone says that it is not measured yet.
    """
    label = METRICS[plan.metric].label
    line = next((line for line in lines if line.arm.name == plan.primary), None)
    if line is None or line.parts["all"].against is None:
        return [f"The primary comparison, {plan.primary} against {plan.control}, is not measured yet."]
    said = []
    for part in PARTS:
        if part in line.parts and (compared := line.parts[part].against):
            word = verdict(label, compared, alpha=line.alpha)
            said.append(f"On {SAID[part]} ({line.parts[part].queries}): {word}")
    return [f"{plan.primary} against {plan.control}.", *said]


def remarks(plan: StudyPlan, lines: Sequence[Line]) -> list[str]:
    """What one has to know to read the tables."""
    done = {line.arm.name for line in lines}
    open_ = [arm.name for arm in plan.arms if arm.name not in done]
    told = [*_reading(plan, lines), *limits(plan)]
    told += filter(None, (say(line) for line in lines for say in (_drawn, _mixed, _of_first_seeds)))
    return [*told, *([f"Not measured yet: {', '.join(open_)}."] if open_ else [])]


def _reading(plan: StudyPlan, lines: Sequence[Line]) -> list[str]:
    several = sum(line.parts["all"].against is not None for line in lines)
    corrected = f"p (Holm) is corrected for {several} comparisons, on each part of the queries apart."
    if several < 2:
        corrected = ""
    if plan.looks:
        at = ", ".join(f"{p:.2g} after {seeds}" for seeds, p in plan.looks)
        corrected = (
            f"An arm is decided, and stops, by a p below {at} seeds: alpha, divided among "
            f"{len(plan.family)} comparisons, is spent over these looks."
        )
    return [
        *filter(None, [corrected]),
        f"{plan.primary} against {plan.control} is the primary comparison, named before anything ran.",
        f"A difference surely within ±{plan.margin:g} counts as none (equivalent).",
        *_exposure(plan),
        *(["One seed was run: how much another one changes is unknown."] if len(plan.seeds) == 1 else []),
    ]


def _exposure(plan: StudyPlan) -> list[str]:
    """What the tables cannot show where all queries are of one part."""
    if not plan.unseen:
        return ["Training saw a positive of every query: of documents that it never saw nothing is measured."]
    return ["Training saw a positive of none of the queries."] if len(plan.unseen) == plan.queries else []


def limits(plan: StudyPlan) -> list[str]:
    """What the plan does not hold: queries of people, arms that are left out, fair controls."""
    told = [caveat(plan.written, plan.queries)] if plan.written else []
    told += [f"Nothing is chosen on dev: {plan.no_grid}."] if plan.no_grid else []
    told += [
        f"{arm.name} is not given what {arm.control} is: {'; '.join(arm.unequal)}."
        for arm in plan.arms
        if arm.unequal
    ]
    told += [f"Left out: {name}, as {why}." for name, why in plan.left_out]
    if plan.dropped:
        told.append(f"Dropped, as {plan.budget} has no time for them: {', '.join(plan.dropped)}.")
    return told


def _drawn(line: Line) -> str:
    """Where instances came to other numbers of negatives than were planned."""
    planned = line.arm.spent.negatives
    if line.drawn is None or abs(line.drawn - planned) <= 0.01 * planned:
        return ""
    return (
        f"{line.arm.name} came to {line.drawn:.3g} negatives an instance, where {planned:.3g} were planned."
    )


def _mixed(line: Line) -> str:
    """Where pairs had no synthetic negative, or these came to another share than was asked for."""
    if not line.mixed or not line.arm.settings:
        return ""
    section, share = line.arm.settings["mix"], line.mixed.get("synthetic_share")
    strategy = check_strategy(section["strategy"])
    if not strategy.reads(section["negatives"])[0]:
        return ""
    pairs, lacking = line.mixed["pairs"], _lacking(line) or 0.0
    told = []
    if lacking > FEW * pairs:
        told.append(f"{lacking:.4g} of {pairs:.4g} pairs had no synthetic negative")
    if strategy.uses_ratio and misses(share, section["ratio"], line.mixed["draws"]):
        wanted = asked(section["ratio"])
        told.append(f"synthetic : retrieved came to {as_ratio(share or 0.0)}, where {wanted} was asked for")
    return f"{line.arm.name}: {'; '.join(told)}." if told else ""


def _lacking(line: Line) -> float | None:
    """Pairs without a synthetic negative; None where that is unknown."""
    told = line.mixed
    return told["pairs"] - told["with_synthetic"] if told else None


def _of_first_seeds(line: Line) -> str:
    """Where a look decided an arm that ran on, as others need it: what came later is in its mean alone."""
    compared = line.parts["all"].against
    if compared is None or compared.seeds >= line.seeds:
        return ""
    seeds = counted(compared.seeds, "seed")
    return f"{line.arm.name} is compared by the {seeds} that decided it; its mean is of all {line.seeds}."


def heading(plan: StudyPlan) -> str:
    """What was measured, in a line."""
    seeds = counted(len(plan.seeds), "seed")
    queries = counted(plan.queries, f"{plan.split} query", f"{plan.split} queries")
    beside = f" ({plan.search.briefly})" if plan.search else ""
    return f"{plan.dataset}, {plan.backbone}, {METRICS[plan.metric].label}{beside}, {queries}, {seeds}"


def markdown(plan: StudyPlan, lines: Sequence[Line]) -> str:
    """All tables as Markdown."""
    out = [f"# Study {plan.name}", "", f"{heading(plan)}. Plan {plan.hash}.", "", answer(plan, lines), ""]
    for table in tables_of(plan, lines):
        out += [f"## {table.title}", ""]
        for part in table.parts:
            out += [f"{SAID[part][0].upper()}{SAID[part][1:]} ({table.lines[0].parts[part].queries}):", ""]
            out += [f"| {' | '.join(HEADINGS)} |", "|---|" + "---:|" * 3 + "---|" + "---:|" * 4 + "---|"]
            out += [f"| {' | '.join(cells(line, line.parts[part]))} |" for line in table.lines]
            out.append("")
    arms = [f"- {line.arm.name}: {line.arm.about}" for line in lines]
    told = [f"- {one}" for one in remarks(plan, lines)]
    return "\n".join([*out, "## Arms", "", *arms, "", "## To read them", "", *told]) + "\n"


def latex(plan: StudyPlan, lines: Sequence[Line]) -> str:
    """All tables as LaTeX, for the package booktabs; what one has to know to read them is in comments."""
    out = [f"% Study {plan.name}, plan {plan.hash}: {heading(plan)}", "% needs \\usepackage{booktabs}"]
    out += [f"% {' '.join(one.split())}" for one in remarks(plan, lines)]
    for table in tables_of(plan, lines):
        for part in table.parts:
            queries = table.lines[0].parts[part].queries
            label = METRICS[plan.metric].label
            caption = f"{table.title}: {label} on {SAID[part]} ({queries}), {plan.dataset}"
            caption += f". {caveat(plan.written, plan.queries)}" if plan.written else ""
            rows = [" & ".join(map(_tex, cells(line, line.parts[part]))) for line in table.lines]
            out += ["\\begin{table}", "\\centering", f"\\caption{{{_tex(caption)}}}"]
            out += ["\\begin{tabular}{lrrrlrrrrl}", "\\toprule"]
            out += [f"{' & '.join(map(_tex, HEADINGS))} \\\\", "\\midrule", *(f"{row} \\\\" for row in rows)]
            out += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(out)


def _tex(text: str) -> str:
    """A text as LaTeX sets it; a range in brackets may not be read as an option of `\\\\`."""
    made = "".join(SPECIAL.get(letter, letter) for letter in text).replace("<", "$<$").replace("–", "--")
    return f"{{}}{made}" if made.startswith("[") else made


COMPARED = (
    *("difference", "low", "high", "p", "p_holm", "p_equivalence"),
    *("detectable", "wins", "ties", "losses"),
)
COLUMNS = (
    *("plan", "arm", "tables", "control", "part", "queries", "seeds", "mean", "sd", *COMPARED),
    *("verdict", "stopped", "written_queries", "unequal", "synthetic_share", "without_synthetic"),
    *("p_equivalence_holm", "freedom", "alpha"),
)


def comma_separated(plan: StudyPlan, lines: Sequence[Line]) -> str:
    """A row for each arm and part of the queries, numbers unrounded, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        for name, part in line.parts.items():
            compared = part.against
            told = [getattr(compared, key, None) for key in COMPARED]
            row: list[object] = [
                plan.hash,
                line.arm.name,
                " ".join(line.arm.tables),
                line.arm.control,
                name,
                part.queries,
            ]
            row += [line.seeds, part.mean, part.sd, *told, part.verdict, str(line.stopped).lower()]
            row += [
                plan.written,
                "; ".join(line.arm.unequal),
                line.mixed.get("synthetic_share"),
                _lacking(line),
            ]
            row += [getattr(compared, "p_equivalence_holm", None), getattr(compared, "freedom", None)]
            row.append(line.alpha if compared else None)
            writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


FORMATS: dict[str, Callable[[StudyPlan, Sequence[Line]], str]] = {
    "tables.md": markdown,
    "tables.tex": latex,
    "tables.csv": comma_separated,
}
"""File -> what writes it."""

"""Runs on the same questions, ranked and compared with a baseline; the page's first sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.gate.same_data import find_other_data
from harness.types import Run
from reports.compare import PRIMARY, ComparisonRow, compare_with_baseline
from reports.ranking import SIGNIFICANCE, Ranking, rank_runs
from reports.summary_parts import Rate
from reports.systems import RunView, view_run
from reports.wording import NBSP, count, define, p_value, percent, points

__all__ = ["Board", "Headline", "build_boards", "write_headline"]

HEADLINE = (
    *("execution_accuracy", "execution_accuracy_strict", "valid_sql", "grounded"),
    *("efficiency", "r_ves", "ves", "test_suite_accuracy"),
)
"""The metrics that people ask for first; the others stand in a table of their own."""
MOST_METRICS = 5
"""What fits beside a system's description on a screen."""


@dataclass(frozen=True)
class Board:
    """Complete runs on one question set, best first; `primary`, the first of `metrics`, orders them.

    `apart` says why they are not ranked with runs of another board that answered the same questions.
    """

    title: str
    n: int
    primary: str
    metrics: tuple[str, ...]
    runs: tuple[RunView, ...]
    baseline: str
    comparisons: tuple[ComparisonRow, ...]
    ranking: Ranking
    apart: tuple[str, ...] = ()

    @property
    def headline(self) -> tuple[str, ...]:
        """The metrics of the first table: all where they are few, else the ones that people ask for first."""
        if len(self.metrics) <= MOST_METRICS:
            return self.metrics
        known = [name for name in HEADLINE if name in self.metrics and name != self.primary]
        return (self.primary, *known[: MOST_METRICS - 1])

    @property
    def others(self) -> tuple[str, ...]:
        """The metrics of the second table."""
        return tuple(name for name in self.metrics if name not in self.headline)

    @property
    def families(self) -> tuple[str, ...]:
        """Every family of diagnoses that any run has."""
        return tuple(name for name in self.runs[0].families if any(run.families[name] for run in self.runs))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Every gap between verdicts of any run, by name."""
        return tuple(sorted({name for run in self.runs for name in run.gaps}))

    @property
    def slices(self) -> tuple[str, ...]:
        """Every slice of any run, in the summaries' order."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.slices))

    @property
    def statuses(self) -> tuple[str, ...]:
        """Every status of any run."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.status))

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """Every diagnosis of any run, the most frequent first."""
        totals: dict[str, int] = {}
        for run in self.runs:
            for name, number in run.diagnosis.items():
                totals[name] = totals.get(name, 0) + number
        return tuple(sorted(totals, key=lambda name: (-totals[name], name)))


@dataclass(frozen=True, slots=True)
class Headline:
    """The page's first sentence and the one that says how sure it is."""

    sentence: str
    certainty: str


@dataclass
class _Group:
    """Runs on the same questions and data, the first one given first."""

    members: list[tuple[Run, RunView]]
    apart: tuple[str, ...]


def build_boards(runs: Sequence[Run]) -> tuple[Board, ...]:
    """Return one board for each set of questions and data that complete runs were scored on, in the order given.

    The first run given of each set is its baseline. Runs whose databases or golds differ are never ranked together:
    their difference would be one of data.
    """
    groups: list[_Group] = []
    for run in runs:
        if run.complete:
            _place(groups, run, view_run(run))
    titles: list[str] = []
    for group in groups:
        titles.append(_title(group, titles))
    return tuple(_board(group, title) for group, title in zip(groups, titles, strict=True))


def _title(group: _Group, taken: Sequence[str]) -> str:
    """Return what the board is called; no two have one name."""
    title = " and ".join(dict.fromkeys(view.dataset for _, view in group.members))
    what = "other data" if group.apart else "other questions"
    names = [title, f"{title} ({what})", *(f"{title} ({what}, {number})" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _place(groups: list[_Group], run: Run, view: RunView) -> None:
    apart: list[str] = []
    for group in groups:
        first, seen = group.members[0]
        if seen.questions != view.questions:
            continue
        found = find_other_data(first, run) if run.records else ()
        if not found:
            group.members.append((run, view))
            return
        apart += [f"{first.name}: {line}" for line in found]
    groups.append(_Group([(run, view)], tuple(apart)))


def _board(group: _Group, title: str) -> Board:
    runs, views = [run for run, _ in group.members], [view for _, view in group.members]
    measured = list(dict.fromkeys(name for view in views for name in view.rates))
    primary = PRIMARY if PRIMARY in measured or not measured else measured[0]
    ranked = sorted(views, key=lambda view: -_rank(view.rates, primary))
    return Board(
        title=title,
        n=views[0].n,
        primary=primary,
        metrics=tuple(sorted(measured, key=lambda name: name != primary)),
        runs=tuple(ranked),
        baseline=views[0].name,
        comparisons=compare_with_baseline(runs, primary),
        ranking=rank_runs(runs, primary),
        apart=group.apart,
    )


def _rank(rates: Mapping[str, Rate], metric: str) -> float:
    value = rates[metric].value if metric in rates else None
    return -1.0 if value is None else value


def write_headline(boards: Sequence[Board]) -> Headline:
    """Return the finding of the first board in two sentences of plain text."""
    if not boards:
        return Headline("No complete run yet.", "Resume the runs below; their numbers appear when they are complete.")
    board = boards[0]
    best = board.runs[0]
    rate = best.rates.get(board.primary)
    if rate is None or rate.value is None:
        return Headline(f"{best.name}: nothing was scored.", "No metric could judge these answers.")
    row = next((row for row in board.comparisons if row.comparison.second == best.name), None)
    elsewhere = f" On {board.title}; other questions or data stand on boards of their own." if len(boards) > 1 else ""
    certainty = f"{_certainty(rate, row, board)}{elsewhere}".strip()
    return Headline(f"{_statement(best, board, rate)}{_gain(board, row)}.", certainty)


def _statement(best: RunView, board: Board, rate: Rate) -> str:
    scored = count(rate.n - rate.unscored, "scored question" if rate.unscored else "question")
    if board.primary == PRIMARY:
        return f"{best.name} answers {percent(rate.value)} of {scored} correctly"
    return f"{best.name} reaches {percent(rate.value)} {define(board.primary).title} on {scored}"


def _gain(board: Board, row: ComparisonRow | None) -> str:
    if row is None:
        return ", and none of the other runs does better" if len(board.runs) > 1 else ""
    change = f"{points(row.comparison.change).lstrip('+')}{NBSP}points"
    if row.p_corrected >= SIGNIFICANCE:
        return f"; the {change} over {board.baseline} may be chance"
    return f", {change} more than {board.baseline}"


def _certainty(rate: Rate, row: ComparisonRow | None, board: Board) -> str:
    parts = []
    if rate.low is not None and rate.high is not None:
        parts.append(f"95 % interval {100 * rate.low:.1f} to {100 * rate.high:.1f} %")
    if row is not None:
        test = row.comparison.test
        right, wrong = ("newly right", "newly wrong") if board.primary == PRIMARY else ("better", "worse")
        parts.append(f"{test.wins} {right}, {test.losses} {wrong} against {board.baseline}")
        corrected = ", Holm-corrected" if len(board.comparisons) > 1 else ""
        parts.append(f"{p_value(row.p_corrected)} (McNemar, exact, two-sided{corrected})")
    return "; ".join(parts) + ("." if parts else "")

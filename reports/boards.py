"""Runs on the same questions, ranked and compared with a baseline; the page's first sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.types import Run
from reports.compare import PRIMARY, ComparisonRow, compare_with_baseline
from reports.systems import Rate, RunView, view_run
from reports.wording import NBSP, count, define, p_value, percent, points

__all__ = ["Board", "Headline", "build_boards", "write_headline"]

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Board:
    """Complete runs on one question set, best first; `primary`, the first of `metrics`, ranks them."""

    title: str
    n: int
    primary: str
    metrics: tuple[str, ...]
    runs: tuple[RunView, ...]
    baseline: str
    comparisons: tuple[ComparisonRow, ...]

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


def build_boards(runs: Sequence[Run]) -> tuple[Board, ...]:
    """Return one board for each set of questions that complete runs answered, in the order given.

    The first run given of each set is its baseline.
    """
    groups: dict[frozenset[tuple[str, str]], list[tuple[Run, RunView]]] = {}
    for run in runs:
        if run.complete:
            view = view_run(run)
            groups.setdefault(view.questions, []).append((run, view))
    return tuple(_board(members) for members in groups.values())


def _board(members: Sequence[tuple[Run, RunView]]) -> Board:
    views = [view for _, view in members]
    measured = list(dict.fromkeys(name for view in views for name in view.rates))
    primary = PRIMARY if PRIMARY in measured or not measured else measured[0]
    ranked = sorted(views, key=lambda view: -_rank(view.rates, primary))
    return Board(
        title=" and ".join(dict.fromkeys(view.dataset for view in views)),
        n=views[0].n,
        primary=primary,
        metrics=tuple(sorted(measured, key=lambda name: name != primary)),
        runs=tuple(ranked),
        baseline=views[0].name,
        comparisons=compare_with_baseline([run for run, _ in members], primary),
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
    return Headline(f"{_statement(best, board, rate)}{_gain(board, row)}.", _certainty(rate, row, board))


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

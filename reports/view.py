"""Everything that a page shows, as plain values: no HTML here, and no number that isn't in a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.types import Run
from reports.boards import Board, Headline, build_boards, write_headline
from reports.compare import PRIMARY, metric_names
from reports.finding import name_test
from reports.questions import collect_questions
from reports.systems import RunView, name_models_alike, view_run
from reports.training import Training
from reports.wording import MetricText, define, p_value

__all__ = ["Missing", "Page", "build_page"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A system that a reader expects and that has no run, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Page:
    """The page: `runs` holds all of them in the order given, `drill_down` what the page's script draws from."""

    headline: Headline
    boards: tuple[Board, ...]
    runs: tuple[RunView, ...]
    trainings: tuple[Training, ...]
    definitions: tuple[tuple[str, MetricText], ...]
    drill_down: Mapping[str, Any]
    missing: tuple[Missing, ...] = ()

    @property
    def incomplete(self) -> tuple[RunView, ...]:
        """The runs that were interrupted: shown as such, never ranked."""
        return tuple(run for run in self.runs if not run.complete)


def build_page(runs: Sequence[Run], trainings: Sequence[Training] = (), expected: Sequence[str] = ()) -> Page:
    """Return the page for runs, complete or not, and trainings; the first run is the baseline of its questions.

    `expected` names adapters or runs that are shown as not run where nothing bears their name; `NAME=WHY` says why.
    """
    runs = name_models_alike(runs)
    boards = build_boards(runs)
    metrics = dict.fromkeys(name for run in runs for name in metric_names(run))
    primary = boards[0].primary if boards else next(iter([PRIMARY, *metrics]))
    views = tuple(view_run(run) for run in runs)
    return Page(
        headline=write_headline(boards),
        boards=boards,
        runs=views,
        trainings=tuple(trainings),
        definitions=tuple((name, define(name)) for name in metrics),
        drill_down={
            **collect_questions(runs, primary, boards[0].runs[0].name if boards else ""),
            "pairs": _pairs(boards, [run.name for run in runs]),
        },
        missing=tuple(_find_missing(expected, views, trainings)),
    )


def _pairs(boards: Sequence[Board], names: Sequence[str]) -> list[list[Any]]:
    """Return for every two runs of a board their places, the flips of the second, and the test in words."""
    return [
        [
            *(names.index(name) for name in (one.first, one.second)),
            *(one.test.wins, one.test.losses),
            f"{p_value(one.test.p_two_sided)} ({name_test(one)})",
        ]
        for board in boards
        for one in (row.comparison for row in board.ranking.pairs)
    ]


def _find_missing(
    expected: Sequence[str], views: Sequence[RunView], trainings: Sequence[Training]
) -> Iterator[Missing]:
    known = {name for view in views for name in (view.name, view.system.adapter)}
    trained = {training.name for training in trainings}
    for wanted in expected:
        name, _, why = wanted.partition("=")
        if name in known:
            continue
        made = "its adapter is there and was not evaluated; tox -e eval does it"
        unmade = f"no run uses an adapter of this name; make one with tox -e train-{name}, then tox -e eval"
        yield Missing(name, why or (made if name in trained else unmade))

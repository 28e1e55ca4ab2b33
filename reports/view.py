"""Everything that a page shows, as plain values: no HTML here, and no number that isn't in a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.types import Run
from reports.boards import Board, Headline, build_boards, write_headline
from reports.compare import PRIMARY, metric_names
from reports.questions import collect_questions
from reports.systems import RunView, view_run
from reports.training import Training
from reports.wording import MetricText, define

__all__ = ["Page", "build_page"]


@dataclass(frozen=True)
class Page:
    """The page: `runs` holds all of them in the order given, `drill_down` what the page's script draws from."""

    headline: Headline
    boards: tuple[Board, ...]
    runs: tuple[RunView, ...]
    trainings: tuple[Training, ...]
    definitions: tuple[tuple[str, MetricText], ...]
    drill_down: Mapping[str, Any]

    @property
    def incomplete(self) -> tuple[RunView, ...]:
        """The runs that were interrupted: shown as such, never ranked."""
        return tuple(run for run in self.runs if not run.complete)


def build_page(runs: Sequence[Run], trainings: Sequence[Training] = ()) -> Page:
    """Return the page for runs, complete or not, and trainings; the first run is the baseline of its questions."""
    boards = build_boards(runs)
    metrics = dict.fromkeys(name for run in runs for name in metric_names(run))
    primary = boards[0].primary if boards else next(iter([PRIMARY, *metrics]))
    return Page(
        headline=write_headline(boards),
        boards=boards,
        runs=tuple(view_run(run) for run in runs),
        trainings=tuple(trainings),
        definitions=tuple((name, define(name)) for name in metrics),
        drill_down=collect_questions(runs, primary, boards[0].runs[0].name if boards else ""),
    )

"""A page as Markdown, for a pull request or a wiki: the numbers of the HTML page, rounded alike."""

import re
from collections.abc import Iterable, Iterator, Sequence

from reports.boards import Board
from reports.compare import ComparisonRow
from reports.ranking import name_verdict
from reports.summary_parts import Rate
from reports.systems import RunView
from reports.view import Page
from reports.wording import NBSP, define, p_value, percent, points

__all__ = ["write_markdown"]

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
CAVEAT = "These numbers hold for the files named below; they are not comparable with the public leaderboard."


def write_markdown(page: Page) -> str:
    """Return the Markdown text; whatever comes from a run is escaped, so that it makes no markup."""
    lines = [f"# {_plain(page.headline.sentence)}", "", _plain(page.headline.certainty), "", CAVEAT, ""]
    for board in page.boards:
        lines += _board(board)
    lines += [f"- {_plain(run.name)}: incomplete, {run.n:,} of {run.expected:,} questions" for run in page.incomplete]
    lines += [f"- {_plain(one.name)}: not run: {_plain(one.why)}" for one in page.missing]
    lines += ["", "## Methods", ""]
    lines += [f"- **{_plain(text.title)}**: {_plain(text.definition)}" for _, text in page.definitions]
    for run in page.runs:
        facts = [f"{name} {value}" for name, value in run.provenance if "sha256" in name or "version" in name]
        lines += [f"- {_plain(run.name)}: {_plain('; '.join((*run.notes, *facts)))}"]
    return "\n".join(lines).replace(NBSP, " ") + "\n"


def _plain(text: str) -> str:
    """Escape what Markdown would read as markup, and keep a text on its line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _board(board: Board) -> Iterator[str]:
    yield from (f"## {_plain(board.title)}, {board.n:,} questions", "")
    if board.apart:
        yield "Scored on other data than the runs above, so not ranked with them:"
        yield from (f"- {_plain(line)}" for line in board.apart)
        yield ""
    yield "Percent with 95 % intervals (Wilson). Equal ranks are statistical ties (exact McNemar, Holm over all pairs)."
    yield ""
    titles = [define(name).title for name in board.metrics]
    yield from _table(["Rank", "Run", "System", *titles], (_run(board, run) for run in board.runs))
    if board.comparisons:
        yield from (f"### Against {_plain(board.baseline)}", "")
        headings = ["Run", "Change in points", "Verdict", "Better", "Worse", "Compared", "p, McNemar", "p, Holm"]
        yield from _table(headings, map(_comparison, board.comparisons))
    yield from (f"### {_plain(define(board.primary).title)} by difficulty and database", "")
    names = [run.name for run in board.runs]
    yield from _table(["Slice", *names], (_slice(board, name) for name in board.slices))
    if board.diagnoses:
        yield from ("### Diagnosis", "")
        yield from _table(["", *names], _counts(board))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain, headings))} |"
    yield f"|{'---|' * len(headings)}"
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows)
    yield ""


def _run(board: Board, run: RunView) -> list[str]:
    system = run.system
    words = [system.model, system.adapter and f"adapter {system.adapter}", system.precision, system.decoding]
    rates = [_rate(run.rates.get(name)) for name in board.metrics]
    return [str(board.ranking.rank(run.name)), run.name, ", ".join(word for word in words if word), *rates]


def _rate(rate: Rate | None) -> str:
    if rate is None:
        return "–"
    interval = "" if rate.low is None or rate.high is None else f" [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"
    return f"{percent(rate.value)}{interval}{f' {rate.unscored:,} not scored' if rate.unscored else ''}"


def _comparison(row: ComparisonRow) -> list[str]:
    one, test = row.comparison, row.comparison.test
    counts = [f"{number:,}" for number in (test.wins, test.losses, test.n)]
    p_values = [p_value(test.p_two_sided), p_value(row.p_corrected)]
    return [one.second, points(one.change), name_verdict(row), *counts, *p_values]


def _slice(board: Board, name: str) -> list[str]:
    rates = [run.slices.get(name, {}).get(board.primary) for run in board.runs]
    return [name.replace("db_id=", "database="), *(percent(rate.value) if rate else "–" for rate in rates)]


def _counts(board: Board) -> Iterator[list[str]]:
    for label in board.diagnoses:
        yield [label.replace("_", " "), *(f"{run.diagnosis.get(label, 0):,}" for run in board.runs)]

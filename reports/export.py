"""A page as plain values, for programs: its numbers under keys that stay, unrounded."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reports.boards import Board
from reports.compare import ComparisonRow
from reports.finding import name_test
from reports.ranking import name_verdict
from reports.summary_parts import Rate
from reports.systems import RunView
from reports.view import Page
from reports.wording import NBSP

__all__ = ["FORMAT_VERSION", "export_page"]

FORMAT_VERSION = 1


def export_page(page: Page) -> dict[str, Any]:
    """Return every number of a page; values are fractions, None where nothing was scored."""
    return {
        "format_version": FORMAT_VERSION,
        "headline": page.headline.sentence.replace(NBSP, " "),
        "certainty": page.headline.certainty.replace(NBSP, " "),
        "comparable_with_public_leaderboard": False,
        "boards": [_board(board) for board in page.boards],
        "incomplete": [{"name": run.name, "n": run.n, "expected": run.expected} for run in page.incomplete],
        "not_run": [asdict(one) for one in page.missing],
        "trainings": [{"name": training.name, "facts": dict(training.facts)} for training in page.trainings],
        "definitions": {name: asdict(text) for name, text in page.definitions},
    }


def _board(board: Board) -> dict[str, Any]:
    return {
        "title": board.title,
        "n": board.n,
        "primary": board.primary,
        "baseline": board.baseline,
        "apart": list(board.apart),
        "runs": [{**_run(run), "rank": board.ranking.rank(run.name)} for run in board.runs],
        "against_baseline": [_comparison(row) for row in board.comparisons],
        "pairs": [_comparison(row) for row in board.ranking.pairs],
    }


def _run(run: RunView) -> dict[str, Any]:
    return {
        "name": run.name,
        "system": asdict(run.system),
        "n": run.n,
        "metrics": _rates(run.rates),
        "slices": {name: _rates(rates) for name, rates in run.slices.items()},
        "status": dict(run.status),
        "diagnosis": dict(run.diagnosis),
        "diagnosis_families": dict(run.families) if run.diagnosis else {},
        "ast_equivalence": dict(run.equivalence),
        "verdict_gaps": dict(run.gaps),
        "gold": _golds(run),
        "samples": _tries(run),
        "repair": dict(run.repair),
        "cost": asdict(run.cost),
        "provenance": dict(run.provenance),
        "notes": list(run.notes),
    }


def _rates(rates: Mapping[str, Rate]) -> dict[str, Any]:
    return {
        name: {
            "value": rate.value,
            "n": rate.n,
            "unscored": rate.unscored,
            "ci_low": rate.low,
            "ci_high": rate.high,
        }
        for name, rate in rates.items()
    }


def _golds(run: RunView) -> dict[str, Any] | None:
    if run.golds is None:
        return None
    golds = run.golds
    return {
        "ceiling": golds.ceiling,
        "failing": golds.failing,
        "flagged": golds.flagged,
        "flags": dict(golds.flags),
        "unflagged": _rates(golds.without),
    }


def _tries(run: RunView) -> dict[str, Any] | None:
    if run.tries is None:
        return None
    tries = run.tries
    return {
        "n": tries.n,
        "first": _rates(tries.first),
        "pass_at": _rates(tries.pass_at),
        "majority_at": _rates(tries.majority_at),
        "vote_against_first": {"wins": tries.wins, "losses": tries.losses, "p_two_sided": tries.p_two_sided},
    }


def _comparison(row: ComparisonRow) -> dict[str, Any]:
    one = row.comparison
    return {
        "first": one.first,
        "second": one.second,
        "metric": one.metric,
        "difference": one.change,
        "better": one.test.wins,
        "worse": one.test.losses,
        "compared": one.test.n,
        "test": name_test(one),
        "p_two_sided": one.test.p_two_sided,
        "p_holm": row.p_corrected,
        "detectable_difference": one.detectable,
        "verdict": name_verdict(row),
    }

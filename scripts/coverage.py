"""How often the intervals of `harness.statistics` hold the truth, printed as the tables of docs/statistics.md.

    python scripts/coverage.py [--simulations 2000] [--resamples 2000]
    python scripts/coverage.py --runs RUN…

Nominal is 95 %. Wilson's coverage is a finite sum and exact; the others are simulated, with fixed seeds. Between
databases, rates come from a beta distribution whose variance is the intraclass correlation times p (1 - p). With
--runs, that correlation is estimated from the verdicts of real runs instead.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binom

from harness import store
from harness.statistics import clustered_difference, clustered_interval, paired_bootstrap, wilson

__all__ = ["DATABASES", "RATES", "ClusteredCoverage", "clustered_coverage", "paired_coverage", "wilson_coverage"]

RATES = tuple(tenth / 10 for tenth in range(1, 10))
SIZES = (200, 500, 1534)
CORRELATION = 0.6
"""Of two systems' verdicts on one question; two systems of 60 % then differ on a fifth of the questions."""
GAIN = 0.02
INTRACLASS = (0.02, 0.10)
CLUSTERED_RATES = (0.1, 0.3, 0.5, 0.7, 0.9)
WINS, LOSSES = 0.085, 0.055
"""What two systems differ by on average: 14 % of the questions, 3 points."""
DATABASES = {
    "4": (129, 158, 145, 163),
    "11": (89, 191, 186, 64, 129, 106, 174, 158, 129, 163, 145),
    "69": tuple(max(8, round(size)) for size in np.random.default_rng(0).gamma(2.5, 96 / 2.5, 69)),
}
"""Questions by database: four databases of BIRD's dev set, all of them, and as many as its training set has."""


@dataclass(frozen=True, slots=True)
class ClusteredCoverage:
    """How often each interval held the truth, and its median width; all of them fractions."""

    wilson: float
    percentile: float
    clustered: float
    difference: float
    wilson_width: float
    clustered_width: float


def wilson_coverage(n: int, rate: float) -> float:
    """Return the exact probability that Wilson's interval of n questions holds the rate."""
    held = [low <= rate <= high for low, high in (wilson(successes, n) for successes in range(n + 1))]
    return float(binom.pmf(np.arange(n + 1), n, rate)[held].sum())


def paired_coverage(n: int, rate: float, simulations: int, resamples: int) -> float:
    """Return how often the paired bootstrap holds the true gain of a second system over one with this rate."""
    better = rate + GAIN
    both = rate * better + CORRELATION * (rate * (1 - rate) * better * (1 - better)) ** 0.5
    generator = np.random.default_rng(n + round(100 * rate))
    held = 0
    for _ in range(simulations):
        counts = generator.multinomial(n, [both, rate - both, better - both, 1 - rate - better + both])
        first, second = np.repeat([1.0, 1.0, 0.0, 0.0], counts), np.repeat([1.0, 0.0, 1.0, 0.0], counts)
        interval = paired_bootstrap(first.tolist(), second.tolist(), resamples=resamples).interval
        held += interval.low <= GAIN <= interval.high
    return held / simulations


def clustered_coverage(
    sizes: Sequence[int], rate: float, intraclass: float, simulations: int, resamples: int
) -> ClusteredCoverage:
    """Return how the intervals of one rate, and of a paired difference, fare on databases of these sizes."""
    generator = np.random.default_rng(len(sizes) + round(1000 * intraclass) + round(100 * rate))
    names = [str(index) for index, size in enumerate(sizes) for _ in range(size)]
    rows = [_simulate(generator, (sizes, names), rate, intraclass, resamples) for _ in range(simulations)]
    held = np.mean([row[:4] for row in rows], axis=0)
    widths = np.median([row[4:] for row in rows], axis=0)
    return ClusteredCoverage(*(float(one) for one in (*held, *widths)))


def _simulate(
    generator: np.random.Generator,
    databases: tuple[Sequence[int], Sequence[str]],
    rate: float,
    intraclass: float,
    resamples: int,
) -> tuple[float, ...]:
    sizes, names = databases
    right = generator.binomial(sizes, _beta(generator, rate, intraclass, len(sizes)))
    values = [float(index < count) for size, count in zip(sizes, right, strict=True) for index in range(size)]
    naive = wilson(sum(values), len(values))
    percentile = _percentile(generator, right, np.array(sizes), resamples)
    ours = clustered_interval(values, names, resamples=resamples)
    shares = (_beta(generator, mean, intraclass, len(sizes)) for mean in (WINS, LOSSES))
    second = [
        one for wins, losses, size in zip(*shares, sizes, strict=True) for one in _flips(generator, wins, losses, size)
    ]
    first = [0.0] * len(second)
    gain = clustered_difference(first, second, names, resamples=resamples).interval
    return (
        naive[0] <= rate <= naive[1],
        percentile[0] <= rate <= percentile[1],
        ours.low <= rate <= ours.high,
        gain.low <= WINS - LOSSES <= gain.high,
        naive[1] - naive[0],
        ours.high - ours.low,
    )


def _beta(generator: np.random.Generator, mean: float, intraclass: float, count: int) -> np.ndarray:
    strength = 1 / intraclass - 1
    return generator.beta(mean * strength, (1 - mean) * strength, count)


def _flips(generator: np.random.Generator, wins: float, losses: float, size: int) -> list[float]:
    """Return a database's differences, of which a share is won and another lost."""
    shares = np.array([wins, losses, 0.0]) / max(1.0, wins + losses)
    counts = generator.multinomial(size, [*shares[:2], max(0.0, 1 - shares.sum())])
    return np.repeat([1.0, -1.0, 0.0], counts).tolist()


def _percentile(
    generator: np.random.Generator, right: np.ndarray, sizes: np.ndarray, resamples: int
) -> tuple[float, float]:
    """Return the plain bootstrap interval over databases, for comparison."""
    picks = generator.integers(0, len(sizes), (resamples, len(sizes)))
    low, high = np.quantile(right[picks].sum(axis=1) / sizes[picks].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--runs", type=Path, nargs="+", help="estimate the correlation within databases, no more")
    options = parser.parse_args()
    if options.runs:
        print(*by_run(options.runs), sep="\n")
        return
    tables = (
        by_rate("Wilson, n =", SIZES, wilson_coverage),
        by_rate(
            "paired bootstrap, n =",
            SIZES[:2],
            lambda n, rate: paired_coverage(n, rate, options.simulations, options.resamples),
        ),
        by_databases(options.simulations, options.resamples),
    )
    for table in tables:
        print(*table, "", sep="\n", flush=True)


def by_rate(title: str, sizes: Sequence[int], measure: Callable[[int, float], float]) -> Iterator[str]:
    """Yield a table of coverage in percent, a row for each rate and a column for each n."""
    yield f"| rate | {' | '.join(f'{title} {n:,}' for n in sizes)} |"
    yield f"|---|{'---|' * len(sizes)}"
    columns = [[measure(n, rate) for rate in RATES] for n in sizes]
    for rate, *covered in zip(RATES, *columns, strict=True):
        yield f"| {rate:.1f} | {' | '.join(f'{100 * one:.1f}' for one in covered)} |"
    yield f"| mean | {' | '.join(f'{100 * statistics.fmean(column):.1f}' for column in columns)} |"


def by_databases(simulations: int, resamples: int) -> Iterator[str]:
    """Yield the table of what is clustered, each row a mean over the rates."""
    yield (
        "| databases | questions | correlation within | Wilson | percentile bootstrap | `clustered_interval` "
        "| `clustered_difference` | width, Wilson | width, clustered |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, sizes in DATABASES.items():
        for intraclass in INTRACLASS:
            rows = [clustered_coverage(sizes, rate, intraclass, simulations, resamples) for rate in CLUSTERED_RATES]
            held = [
                statistics.fmean(getattr(row, column) for row in rows)
                for column in ("wilson", "percentile", "clustered", "difference", "wilson_width", "clustered_width")
            ]
            yield f"| {name} | {sum(sizes):,} | {intraclass:.2f} | {' | '.join(f'{100 * one:.1f}' for one in held)} |"


def by_run(runs: Sequence[Path]) -> Iterator[str]:
    """Yield the table of how much the questions of one database resemble each other in real runs."""
    yield "| run | questions | databases | execution accuracy | correlation within |"
    yield "|---|---|---|---|---|"
    for run in runs:
        members: dict[str, list[float]] = {}
        for record in store.load(run).records:
            value = record.scores["execution_accuracy"].value
            if value is not None:
                members.setdefault(record.db_id, []).append(value)
        values = [value for group in members.values() for value in group]
        correlation = intraclass_correlation([np.array(group) for group in members.values()])
        yield (
            f"| {run.name} | {len(values):,} | {len(members)} | {100 * statistics.fmean(values):.1f}"
            f" | {correlation:.2f} |"
        )


def intraclass_correlation(groups: Sequence[np.ndarray]) -> float:
    """Return the one-way estimator of the variance between groups over all variance (R. A. Fisher, 1925)."""
    sizes = np.array([len(group) for group in groups])
    k, n, mean = len(groups), int(sizes.sum()), float(np.concatenate(groups).mean())
    between = sum(len(group) * (group.mean() - mean) ** 2 for group in groups) / (k - 1)
    within = sum(((group - group.mean()) ** 2).sum() for group in groups) / (n - k)
    typical = (n - (sizes**2).sum() / n) / (k - 1)
    return float((between - within) / (between + (typical - 1) * within))


if __name__ == "__main__":
    main()

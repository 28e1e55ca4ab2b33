"""How sure a number is: intervals of rates, paired tests of two systems, the difference that n can show.

`rates` has the interval of one rate, `paired` the exact test of two systems and what n can detect, `bootstrap`
resamples pairs of answers and `clustered` whole databases; `tries` is about several answers to one question. scipy and
numpy do what they have and are imported where they are needed; formulas stand here only where scipy has none. Not
covered: ratios of timings, see `harness.metrics`.
"""

from harness.statistics.bootstrap import Interval, PairedDifference, paired_bootstrap
from harness.statistics.clustered import FEW_CLUSTERS, clustered_difference, clustered_interval
from harness.statistics.paired import PairedTest, detectable_difference, holm, mcnemar
from harness.statistics.rates import wilson
from harness.statistics.tries import pass_at

__all__ = [
    "FEW_CLUSTERS",
    "Interval",
    "PairedDifference",
    "PairedTest",
    "clustered_difference",
    "clustered_interval",
    "detectable_difference",
    "holm",
    "mcnemar",
    "paired_bootstrap",
    "pass_at",
    "wilson",
]

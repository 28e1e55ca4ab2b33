"""Summary, limits and baseline → may this run pass?

`limits` reads the gate file, `pairing` finds the questions that two runs share, `same_data` refuses runs that cannot be
compared, `check` judges every limit and `outputs` writes the verdicts for people and for CI.
"""

from harness.gate.check import GateReport, LimitResult, check
from harness.gate.limits import GateConfig, Limit, load_gate
from harness.gate.outputs import describe_result, draw_table, write_junit, write_markdown
from harness.gate.pairing import Pairing, pair_runs
from harness.gate.same_data import other_hashes, refuse_other_data

__all__ = [
    "GateConfig",
    "GateReport",
    "Limit",
    "LimitResult",
    "Pairing",
    "check",
    "describe_result",
    "draw_table",
    "load_gate",
    "other_hashes",
    "pair_runs",
    "refuse_other_data",
    "write_junit",
    "write_markdown",
]

"""Summary, limits and baseline → may this run pass?

`limits` reads the gate file, `pairing` finds the questions that two runs share, `check` judges every limit and
`outputs` writes the verdicts for people and for CI.
"""

from harness.gate.check import GateReport, LimitResult, check
from harness.gate.limits import GateConfig, Limit, load_gate
from harness.gate.outputs import draw_table, write_junit, write_markdown
from harness.gate.pairing import Pairing, pair_runs

__all__ = [
    "GateConfig",
    "GateReport",
    "Limit",
    "LimitResult",
    "Pairing",
    "check",
    "draw_table",
    "load_gate",
    "pair_runs",
    "write_junit",
    "write_markdown",
]

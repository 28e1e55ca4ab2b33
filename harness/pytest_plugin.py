"""A gate inside pytest: `pytest --t2s-run RUN --t2s-gate GATE.toml [--t2s-baseline RUN]`, a test for each limit.

Every pytest where this program is installed loads this file, so it imports nothing until the options are there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.gate import GateReport, LimitResult

__all__ = [
    "GateFile",
    "GateWarning",
    "LimitItem",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_report_header",
]

REPORT = pytest.StashKey["GateReport"]()
ROUND = str.maketrans("[]", "()")
"""pytest reads square brackets in a name as parameters."""


class GateWarning(pytest.PytestWarning):
    """A limit that warns: shown in pytest's summary of warnings, and no failure."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options `--t2s-run`, `--t2s-gate` and `--t2s-baseline`."""
    group = parser.getgroup("t2s", "gate of a text2sql-harness run")
    group.addoption("--t2s-run", metavar="RUN", help="the folder of a complete run; needs --t2s-gate")
    group.addoption("--t2s-gate", metavar="GATE.toml", help="the limits, each of which becomes a test")
    group.addoption("--t2s-baseline", metavar="RUN", help="the run that max_drop compares with")


def pytest_configure(config: pytest.Config) -> None:
    """Judge the run, if one is named; raises `pytest.UsageError` where that cannot be done."""
    run, gate, baseline = (config.getoption(f"t2s_{name}") for name in ("run", "gate", "baseline"))
    if run is None and gate is None and baseline is None:
        return
    if run is None or gate is None:
        raise pytest.UsageError("--t2s-run and --t2s-gate: one needs the other; give both (--t2s-baseline is optional)")
    # Said after the user's own filters: a blanket `error` makes warnings of code failures, not those of a gate.
    config.addinivalue_line("filterwarnings", f"always::{__name__}.{GateWarning.__name__}")
    config.stash[REPORT] = _judge(Path(run), Path(gate), Path(baseline) if baseline else None)


def _judge(run: Path, gate: Path, baseline: Path | None) -> "GateReport":
    from harness import store  # noqa: PLC0415 - nothing is imported for a pytest without the options
    from harness.errors import T2SError  # noqa: PLC0415
    from harness.gate import check, load_gate  # noqa: PLC0415

    try:
        return check(store.load(run), load_gate(gate), store.load(baseline) if baseline else None)
    except T2SError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the verdict in one line."""
    report = config.stash.get(REPORT, None)
    return None if report is None else f"t2s: {report.headline}"


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the gate's limits behind the tests that pytest found itself."""
    if config.stash.get(REPORT, None) is not None:
        items.extend(GateFile.from_parent(session, path=Path(config.getoption("t2s_gate")).resolve()).collect())


class GateFile(pytest.File):
    """The gate file, whose tests are its limits."""

    def collect(self) -> Iterator["LimitItem"]:
        """Yield a test for each limit, in the order of the file."""
        for result in self.config.stash[REPORT].limits:
            item = LimitItem.from_parent(self, name=result.title.translate(ROUND))
            item.result = result
            yield item


class LimitItem(pytest.Item):
    """One limit: fails where it is broken, warns where the gate warns."""

    result: "LimitResult"

    def runtest(self) -> None:
        """Say what was measured, as the outcome demands."""
        from harness.gate import describe_result  # noqa: PLC0415 - as above

        said = describe_result(self.result)
        self.user_properties.append(("t2s", said))
        if self.result.outcome == "fail":
            pytest.fail(said, pytrace=False)
        if self.result.outcome == "warn":
            self.warn(GateWarning(f"{self.name}: {said}"))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where pytest says this test stands."""
        return self.path, 0, f"{self.path.name}: {self.name}"

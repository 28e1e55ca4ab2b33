"""A gate's verdicts as a terminal table, as JUnit XML for CI and as Markdown for a job summary."""

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from harness.files import write_text
from harness.gate.check import GateReport, LimitResult

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["draw_table", "write_junit", "write_markdown"]

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}
HEADINGS = ("limit", "questions", "allowed", "measured", "outcome", "detail")
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw_table(report: GateReport) -> "Table":
    """Return the table for the terminal, one row for each limit."""
    from rich.markup import escape  # noqa: PLC0415 - rich is slow to import
    from rich.table import Table  # noqa: PLC0415

    against = f" against {report.baseline}" if report.baseline else ""
    table = Table(title=escape(f"{report.run}{against}"), title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("allowed", "measured") else "left")
    for result in report.limits:
        cells = [escape(cell) for cell in _cells(result)]
        cells[4] = f"[{STYLES[result.outcome]}]{cells[4]}[/]"
        table.add_row(*cells)
    return table


def _cells(result: LimitResult) -> tuple[str, ...]:
    questions = result.slice or "all"
    limit, value = _percent(result.limit), _percent(result.value)
    return (f"{result.metric} {result.kind}", questions, limit, value, result.outcome, result.detail)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def write_markdown(report: GateReport, path: Path) -> None:
    """Write the verdicts as a Markdown table; raises `RunError` when the file cannot be written."""
    verdict = "failed" if report.failed else "passed"
    against = f" against {report.baseline}" if report.baseline else ""
    lines = [
        f"### Gate {verdict}: {_plain(report.run + against)}",
        "",
        f"| {' | '.join(HEADINGS)} |",
        "| --- | --- | ---: | ---: | --- | --- |",
        *(f"| {' | '.join(_plain(cell) for cell in _cells(result))} |" for result in report.limits),
    ]
    write_text(path, "\n".join(lines) + "\n", errors="replace")


def _plain(text: str) -> str:
    """Keep names from becoming Markdown or HTML."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", flat)


def write_junit(report: GateReport, path: Path) -> None:
    """Write one JUnit test case for each limit, warnings as its output; raises `RunError` when it cannot be written."""
    counts = {"tests": str(len(report.limits)), "failures": str(report.count("fail")), "errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "t2s gate", **counts})
    for result in report.limits:
        names = {"classname": f"gate.{_legal(report.run)}", "name": _legal(result.title), "time": "0"}
        _add_outcome(ET.SubElement(suite, "testcase", names), result)
    ET.indent(root)
    write_text(path, ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n", errors="replace")


def _add_outcome(case: ET.Element, result: LimitResult) -> None:
    said = _legal(f"measured {_percent(result.value)}, allowed {_percent(result.limit)}; {result.detail}")
    if result.outcome == "fail":
        ET.SubElement(case, "failure", {"message": said, "type": result.kind}).text = said
    elif result.outcome == "warn":
        ET.SubElement(case, "system-out").text = f"warning: {said}"


def _legal(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

"""A gate's verdicts as a terminal table, as JUnit XML for CI and as Markdown for a job summary."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from harness.files import write_text
from harness.gate.check import GateReport, LimitResult

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["describe_result", "draw_table", "write_junit", "write_markdown"]

STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}
HEADINGS = ("limit", "questions", "allowed", "measured", "outcome", "detail")
LONGEST = len("execution_accuracy")
"""What a narrow terminal keeps in one line, in characters."""
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw_table(report: GateReport) -> "Table":
    """Return the table for the terminal, one row for each limit."""
    from rich.markup import escape  # noqa: PLC0415 - rich is slow to import
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=escape(report.headline), title_justify="left")
    for heading in HEADINGS:
        justify: Literal["left", "right"] = "right" if heading in ("allowed", "measured") else "left"
        table.add_column(heading, justify=justify, overflow="fold", min_width=LONGEST if heading == "limit" else None)
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
    lines = [
        f"### {_plain(report.headline)}",
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
    """Write one JUnit test case for each limit; raises `RunError` when the file cannot be written.

    What doesn't fail says what was measured as its output, a warning beginning with that word.
    """
    counts = {"tests": str(len(report.limits)), "failures": str(report.count("fail")), "errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "t2s gate", **counts})
    headline = {"name": "headline", "value": _legal(report.headline)}
    ET.SubElement(ET.SubElement(suite, "properties"), "property", headline)
    for result in report.limits:
        names = {"classname": f"gate.{_legal(report.run)}", "name": _legal(result.title), "time": "0"}
        _add_outcome(ET.SubElement(suite, "testcase", names), result)
    ET.indent(root)
    write_text(path, ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n", errors="replace")


def _add_outcome(case: ET.Element, result: LimitResult) -> None:
    said = _legal(describe_result(result))
    if result.outcome == "fail":
        ET.SubElement(case, "failure", {"message": said, "type": result.kind}).text = said
    else:
        ET.SubElement(case, "system-out").text = f"warning: {said}" if result.outcome == "warn" else said


def describe_result(result: LimitResult) -> str:
    """Return what was measured, what is allowed and the detail, in one line."""
    return f"measured {_percent(result.value)}, allowed {_percent(result.limit)}; {result.detail}"


def _legal(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

"""`t2s gate`: does a run keep to its limits?"""

from pathlib import Path
from typing import Annotated

import typer

from harness import store
from harness.errors import GateFailed

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def gate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a complete run.")],
    config: Annotated[Path, typer.Option("--config", metavar="GATE.toml", help="The limits.")],
    baseline: Annotated[Path | None, typer.Option(metavar="RUN", help="The run that max_drop compares with.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML, a test case per limit.")] = None,
    summary: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write a Markdown table.")] = None,
) -> None:
    """Check a run against its limits; exit 1 when one is broken."""
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import

    from harness.gate import check, draw_table, load_gate, write_junit, write_markdown  # noqa: PLC0415

    limits = load_gate(config)
    report = check(store.load(run), limits, store.load(baseline) if baseline else None)
    Console().print(draw_table(report))
    if junit:
        write_junit(report, junit)
    if summary:
        write_markdown(report, summary)
    if report.failed:
        broken = [result.title for result in report.limits if result.outcome == "fail"]
        raise GateFailed(f"{report.run}: {len(broken)} of {len(report.limits)} limits failed: {'; '.join(broken)}")

"""A page's values → one HTML file that needs nothing else: no network, no other file."""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, wording
from reports.eda import STATISTICS, Distribution
from reports.ranking import name_verdict
from reports.training import Curve
from reports.view import Page

__all__ = ["render_page"]

SCRIPTS = ("sql.js", "question.js", "page.js")


def render_page(page: Page) -> str:
    """Return the HTML document.

    Everything that comes from a run is escaped. The browser is told to run this program's own script only, by its
    hash, and to fetch nothing.
    """
    script = "".join(map(_read, SCRIPTS))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            style=Markup(_read("page.css")),  # noqa: S704 - ours
            script=Markup(script),  # noqa: S704 - ours
            script_hash=_source_hash(script),
            drill_down=_embed(page.drill_down),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "points": wording.points,
        "p": wording.p_value,
        "verdict": name_verdict,
    }
    environment.globals |= {
        "define": wording.define,
        "statistics": STATISTICS,
        "whisker": _whisker,
        "stack": _stack,
        "line_chart": _line_chart,
        "bars": _bars,
    }
    return environment


def _read(name: str) -> str:
    return files("reports").joinpath("templates", name).read_text(encoding="utf-8")


def _source_hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _embed(value: Any) -> Markup:
    """Return JSON that may stand inside a script element: nothing in it can end the element or begin another."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(safe)  # noqa: S704 - made safe above


def _whisker(value: float | None, low: float | None, high: float | None) -> Markup:
    return Markup(charts.whisker(value, low, high))  # noqa: S704 - charts escape what they are given


def _stack(counts: dict[str, int]) -> Markup:
    return Markup(charts.stack(counts))  # noqa: S704 - charts escape what they are given


def _line_chart(curve: Curve) -> Markup:
    return Markup(charts.line_chart(curve))  # noqa: S704 - charts escape what they are given


def _bars(distribution: Distribution) -> Markup:
    return Markup(charts.bars(distribution))  # noqa: S704 - charts escape what they are given

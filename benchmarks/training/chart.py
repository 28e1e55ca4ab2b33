"""The three stacks side by side, as a table and as a picture.

`python benchmarks/training/chart.py` reads `results/training/stacks/DEVICE-MODEL-STACK[-gN].json`, writes
`results/training/stacks-DEVICE.svg`, and writes the tables into docs/training.md, between the comments that name it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["Run", "draw", "read_runs", "write_table"]

RESULTS = Path(__file__).parents[1] / "results" / "training"
PAGE = Path(__file__).parents[2] / "docs" / "training.md"
PLACE = re.compile(r"(?<=<!-- benchmarks/training/chart.py -->\n).*(?=<!-- end -->)", re.DOTALL)
MODELS = {
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": ("qwen", "Qwen2.5-Coder-1.5B"),
    "tiiuae/Falcon3-1B-Base": ("falcon", "Falcon3-1B, random weights"),
    "bigcode/starcoder2-3b": ("starcoder2", "StarCoder2-3B, random weights"),
}
STACKS = {"reference": "Trainer + PEFT + bitsandbytes", "trl": "TRL's `SFTTrainer`", "ours": "this trainer"}
USUAL_GROUP = 8
MISSING = "–"
COLUMNS = (
    "model",
    "stack",
    "examples/s",
    "× reference",
    "real tokens/s",
    "share of the floor",
    "peak allocated / reserved, GiB",
    "loss, first → last step",
    "flags",
)

WIDTH, BAR, LABELS, PLOT, FIGURE, TOP = 760, 16, 220, 200, 54, 42
PANELS = (("examples_per_s", "Examples a second"), ("peak_reserved_gib", "Peak reserved, GiB"))
STYLE = """
text { font: 12px system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: #66625a }
.title { font-weight: 600; fill: #1f1e1b } .end { text-anchor: end } .axis { stroke: #e2ded5 }
.reference { fill: #8d6fa8 } .trl { fill: #c2603f } .ours { fill: #1f5f7a }
@media (prefers-color-scheme: dark) {
  text { fill: #a19d94 } .title { fill: #e8e5de } .axis { stroke: #33373c }
  .reference { fill: #b9a1d0 } .trl { fill: #e39a7d } .ours { fill: #7fbcd6 }
}
"""


@dataclass(frozen=True)
class Run:
    """One result of `stacks.py`; what an older one does not hold is `None`."""

    device: str
    values: dict[str, Any]

    @property
    def group_size(self) -> int:
        """The questions of a group; those who share nothing count as the usual group."""
        return int(self.values["flags"].get("group_size", USUAL_GROUP))

    @property
    def name(self) -> str:
        """The name of its file, without the suffix."""
        stem = f"{self.device}-{MODELS[self.values['model']][0]}-{self.values['stack']}"
        return stem if self.group_size == USUAL_GROUP else f"{stem}-g{self.group_size}"

    @property
    def title(self) -> str:
        """The stack in words."""
        words = STACKS[self.values["stack"]]
        return words if self.group_size == USUAL_GROUP else f"{words}, G = {self.group_size}"

    def write(self, name: str, pattern: str) -> str:
        """Return a figure in the given format, or a dash."""
        value = self.values.get(name)
        return MISSING if value is None else pattern.format(value)


def read_runs(folder: Path) -> list[Run]:
    """Return the runs in the order of devices, models and stacks, larger groups first."""
    runs = [Run(path.name.partition("-")[0], json.loads(path.read_text("utf-8"))) for path in folder.glob("*.json")]
    models, stacks = list(MODELS), list(STACKS)
    return sorted(
        runs,
        key=lambda run: (
            run.device,
            models.index(run.values["model"]),
            stacks.index(run.values["stack"]),
            -run.group_size,
        ),
    )


def write_table(runs: Sequence[Run]) -> str:
    """Return the table of one device's runs, and under it the versions."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    lines += [f"| {' | '.join(_cells(run, runs))} |" for run in runs]
    return "\n".join([*lines, "", *_versions(runs)])


def _cells(run: Run, runs: Sequence[Run]) -> list[str]:
    values = run.values
    stacks = {one.values["stack"]: one.values for one in runs if one.values["model"] == values["model"]}
    reference, share, losses = stacks.get("reference"), values.get("floor_share"), values["losses"]
    return [
        MODELS[values["model"]][1],
        run.title,
        run.write("examples_per_s", "{:.2f}"),
        f"{values['examples_per_s'] / reference['examples_per_s']:.1f}×" if reference else MISSING,
        run.write("real_tokens_per_s", "{:,.0f}"),
        MISSING if share is None else f"{100 * share:.0f} %",
        f"{run.write('peak_allocated_gib', '{:.2f}')} / {run.write('peak_reserved_gib', '{:.2f}')}",
        f"{losses[0]:.3f} → {losses[-1]:.3f}",
        ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in values["flags"].items()),
    ]


def _versions(runs: Sequence[Run]) -> list[str]:
    """Return a line for each set of versions, with the runs that have it where there are several."""
    sets: dict[str, list[str]] = {}
    for run in runs:
        words = ", ".join(f"{name} {version}" for name, version in run.values["versions"].items() if version)
        sets.setdefault(f"{run.values['device']}; {words}.", []).append(run.name)
    return [words if len(sets) == 1 else f"{', '.join(names)}: {words}" for words, names in sets.items()]


def draw(runs: Sequence[Run]) -> str:
    """Return an SVG of one device's runs with groups of the usual size: a panel for speed and one for memory."""
    shown = [run for run in runs if run.group_size == USUAL_GROUP]
    parts, y = [], TOP
    for model, (_, title) in MODELS.items():
        here = [run for run in shown if run.values["model"] == model]
        if here:
            parts.append(f'<text class="title" x="0" y="{y + 12}">{escape(title)}</text>')
            parts += [_row(run, shown, y + 20 + BAR * index) for index, run in enumerate(here)]
            y += 20 + BAR * len(here) + 14
    for index, (_, title) in enumerate(PANELS):
        x = LABELS + index * (PLOT + FIGURE + 16)
        parts.append(f'<text class="title" x="{x}" y="14">{title}</text>')
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{TOP - 16}" y2="{y}"/>')
    label = "; ".join(f"{MODELS[run.values['model']][1]}, {_plain(run)}: {_figures(run)}" for run in shown)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {y}">'
        f"<title>{escape(label)}</title><style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def _row(run: Run, shown: Sequence[Run], y: int) -> str:
    parts = [f'<text class="end" x="{LABELS - 8}" y="{y + 11}">{escape(_plain(run))}</text>']
    for index, (name, _) in enumerate(PANELS):
        x, value = LABELS + index * (PLOT + FIGURE + 16), run.values[name]
        width = PLOT * value / max(one.values[name] for one in shown)
        parts.append(f'<rect class="{run.values["stack"]}" x="{x}" y="{y}" width="{width:.1f}" height="{BAR - 4}"/>')
        parts.append(f'<text x="{x + width + 5:.1f}" y="{y + 11}">{value:.1f}</text>')
    return "".join(parts)


def _plain(run: Run) -> str:
    return run.title.replace("`", "")


def _figures(run: Run) -> str:
    return f"{run.values['examples_per_s']:.1f} examples/s, {run.values['peak_reserved_gib']:.1f} GiB reserved"


def main() -> None:
    """Write the picture of every device, and all tables into the page."""
    runs, tables = read_runs(RESULTS / "stacks"), ""
    for device in sorted({run.device for run in runs}):
        here = [run for run in runs if run.device == device]
        (RESULTS / f"stacks-{device}.svg").write_text(draw(here), encoding="utf-8")
        tables += f"{write_table(here)}\n\n"
    page, count = PLACE.subn(lambda _: f"\n{tables}", PAGE.read_text(encoding="utf-8"))
    assert count == 1, f"{PAGE}: the comments are not there, or are there twice"
    PAGE.write_text(page, encoding="utf-8")
    print(tables, end="")


if __name__ == "__main__":
    main()

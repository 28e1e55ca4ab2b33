"""`t2s doctor`: what this machine has, and what it means for scoring and training where something is missing."""

import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harness.execution import library

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["CORE", "TRAINING", "Finding", "app", "draw_findings", "examine"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

GIB = 1024**3
PROBE_TIMEOUT_S = 120.0
"""Far more than importing torch takes, from a cold disk too."""
BUDGET_GIB, CARD_GIB = 6, 5.5
"""What the training presets are made for, and what a card of that name has at least."""
ROOM_GIB = 10
"""The weights of a 3B model in 16 bits, an adapter and runs."""

INSTALL = "pip install --upgrade text2sql-harness"
EXTRA = "pip install 'text2sql-harness[train]'"
CORE = ("httpx", "jinja2", "llguidance", "numpy", "pydantic", "rich", "scipy", "sqlglot", "typer")
TRAINING: Mapping[str, str] = {
    "torch": "scoring works; `t2s train` and local models need it",
    "transformers": "scoring works; `t2s train` and local models need it",
    "huggingface-hub": "`t2s train --push` and weights from the Hugging Face hub need it",
    "peft": "scoring works; `t2s train` and adapters need it",
    "accelerate": "scoring works; `t2s train` and adapters need it",
    "bitsandbytes": "4-bit weights (nf4, fp4) need it; bf16, fp16 and fp32 work",
    "datasets": "`t2s data fetch` from the Hugging Face hub and `t2s train` need it",
    "gguf": "weights in .gguf files need it",
}
"""The packages of the extra `train`, and what a person cannot do without each."""

FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "json": ("json_extract('{}', '$')", "JSON functions"),
    "math": ("sqrt(4) + pow(2, 3) + ceil(1.5)", "mathematical functions (sqrt, pow, ceil …)"),
    "window": ("row_number() OVER ()", "window functions"),
    "string_agg": ("string_agg('a', ',')", "string_agg (SQLite 3.44)"),
    "unixepoch": ("unixepoch('now')", "unixepoch (SQLite 3.38)"),
}
"""What golds use that not every SQLite has: an expression, and its name for people."""
PROBE = """
import json, sys
found = {"devices": [], "bitsandbytes": None}
def say(error):
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
try:
    import torch
    found["cuda"] = torch.version.cuda
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        # Before compute capability 8 torch emulates bf16 and says that it is supported.
        found["devices"].append({"name": card.name, "memory": total, "free": free, "bf16": card.major >= 8})
except Exception as error:
    found["torch_error"] = say(error)
try:
    import bitsandbytes
    found["bitsandbytes"] = True
    if found["devices"]:
        bitsandbytes.functional.quantize_4bit(torch.ones(64, 64, device="cuda"))
except Exception as error:
    found["bitsandbytes"], found["bitsandbytes_error"] = False, say(error)
print("\\n" + json.dumps(found))
"""
"""What the child runs: a broken driver or library may end it in any way, and takes nothing else down."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `state` is ok, note (it works, with a limit) or missing; `meaning` says what to do."""

    area: str
    name: str
    value: str
    state: Literal["ok", "note", "missing"] = "ok"
    meaning: str = ""


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Say what this machine can do: Python, packages, SQLite, memory, GPU. Always exits with 0."""
    findings = list(examine())
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(one) for one in findings]}, indent=2))
        return
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import

    Console().print(draw_findings(findings))


def draw_findings(findings: list[Finding]) -> "Table":
    """Return the table for the terminal, a section for each area."""
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("", "what", "found", "what it means", title="t2s doctor", title_justify="left")
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "missing": "[bold red]missing[/]"}
    for one, following in zip(findings, [*findings[1:], None], strict=True):
        ends = following is None or following.area != one.area
        table.add_row(marks[one.state], escape(one.name), escape(one.value), escape(one.meaning), end_section=ends)
    return table


def examine() -> Iterator[Finding]:
    """Yield what is found, area by area; never raises for something that is broken here."""
    yield from _python()
    yield from _packages()
    yield from _sqlite()
    yield from _machine()
    yield from _gpu()


def _python() -> Iterator[Finding]:
    yield Finding("python", "Python", f"{platform.python_version()} ({platform.python_implementation()})")
    yield Finding("python", "platform", f"{platform.system()} {platform.machine()}")


def _packages() -> Iterator[Finding]:
    for name in ("text2sql-harness", *CORE):
        version = _version(name)
        if version is None and name == "text2sql-harness":
            yield Finding("packages", name, "not installed", "note", f"run from its source; to install it: {INSTALL}")
        elif version is None:
            yield Finding("packages", name, "not installed", "missing", f"the installation is incomplete: {INSTALL}")
        else:
            yield Finding("packages", name, version)
    for name, loss in TRAINING.items():
        if version := _version(name):
            yield Finding("packages", name, version)
        else:
            yield Finding("packages", name, "not installed", "missing", f"{loss}: {EXTRA}")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _sqlite() -> Iterator[Finding]:
    if library.is_too_old():
        advice = f"databases cannot be read before {library.OLDEST_SQLITE}; use a Python that brings a newer one"
        yield Finding("sqlite", "SQLite", library.SQLITE_VERSION, "missing", advice)
    else:
        yield Finding("sqlite", "SQLite", library.SQLITE_VERSION)
    for name, limit in library.read_limits().items():
        yield Finding("sqlite", f"limit: {name}", f"{limit:,}")
    for name, (expression, words) in FUNCTIONS.items():
        if error := library.try_expression(expression):
            advice = f"queries that use {words} fail, golds too; use a Python with a newer or fuller SQLite"
            yield Finding("sqlite", f"functions: {name}", error, "note", advice)
        else:
            yield Finding("sqlite", f"functions: {name}", "yes")


def _machine() -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    yield Finding("machine", "CPU cores", str(cores), meaning="a worker on each executes SQL (execution.workers)")
    memory = _memory_bytes()
    if memory is None:
        yield Finding(
            "machine",
            "memory",
            "unknown",
            "note",
            "this platform does not say; a worker takes up to execution.memory_mib",
        )
    elif memory / GIB < cores + 1:
        advice = f"{cores} workers may take 1 GiB each: set execution.workers or execution.memory_mib lower"
        yield Finding("machine", "memory", _gib(memory), "note", advice)
    else:
        yield Finding("machine", "memory", _gib(memory))
    free = shutil.disk_usage(Path.cwd()).free
    short = free / GIB < ROOM_GIB
    advice = "a run is small, the weights of a 3B model take 6 GiB: free some, or work elsewhere" if short else ""
    yield Finding("machine", "free disk, here", _gib(free), "note" if short else "ok", advice)


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"


def _gpu() -> Iterator[Finding]:
    if _version("torch") is None:
        advice = f"nobody can look without torch; scoring needs no GPU, training does: {EXTRA}"
        yield Finding("gpu", "CUDA device", "unknown", "note", advice)
        return
    found, trouble = _probe()
    if trouble:
        advice = (
            f"scoring works; training will not until `{Path(sys.executable).name} -c 'import torch'` does: {trouble}"
        )
        yield Finding("gpu", "CUDA device", "the probe failed", "missing", advice)
        return
    yield from _devices(found)
    yield from _bitsandbytes(found)


def _devices(found: Mapping[str, Any]) -> Iterator[Finding]:
    if error := found.get("torch_error"):
        advice = f"scoring works; training and local models do not: repair torch or the driver, see {error}"
        yield Finding("gpu", "CUDA device", "torch fails", "missing", advice)
    elif not found["devices"]:
        built = "" if found.get("cuda") else "; this torch is built without CUDA"
        advice = f"scoring works; training needs an NVIDIA card of {BUDGET_GIB} GB, or smollm2 on a CPU{built}"
        yield Finding("gpu", "CUDA device", "none", "missing", advice)
    for number, card in enumerate(found["devices"]):
        small = card["memory"] / GIB < CARD_GIB
        advice = f"presets are made for {BUDGET_GIB} GiB: ask `t2s plan` what fits" if small else ""
        memory = f"{card['name']}, {_gib(card['memory'])}, {_gib(card['free'])} free"
        yield Finding("gpu", f"CUDA device {number}", memory, "note" if small else "ok", advice)
        advice = "" if card["bf16"] else "products are computed in fp16, which works and is chosen by itself"
        yield Finding("gpu", f"bf16 on device {number}", *(("no", "note") if advice else ("yes", "ok")), advice)


def _bitsandbytes(found: Mapping[str, Any]) -> Iterator[Finding]:
    if _version("bitsandbytes") is None:
        return  # said among the packages
    if found.get("bitsandbytes"):
        tried = "loads, and quantises on the device" if found["devices"] else "loads"
        yield Finding("gpu", "bitsandbytes", tried)
    else:
        error = found.get("bitsandbytes_error", "it said nothing")
        advice = f"4-bit weights do not work, bf16, fp16 and fp32 do: install a version for your CUDA, see {error}"
        yield Finding("gpu", "bitsandbytes", "does not load", "missing", advice)


def _probe() -> tuple[dict[str, Any], str]:
    """Return what the child found, or nothing and why."""
    try:
        done = subprocess.run(  # noqa: S603  (our own interpreter and text)
            # -P: a torch.py in the user's folder is not torch.
            [sys.executable, "-P", "-c", PROBE],
            capture_output=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {PROBE_TIMEOUT_S:g} s"
    except OSError as error:
        return {}, f"no process could be started: {error}"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {}, f"{_ending(done.returncode)} ({last})"
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {}, "it said nothing that can be read"
    return found, ""


def _ending(code: int) -> str:
    if code < 0 and -code in set(signal.Signals):
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"

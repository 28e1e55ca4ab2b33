"""What releases of vLLM can be asked for, read from their source: all that the tests' stand-in for vLLM knows.

    python scripts/generation/vllm_signatures.py FOLDER... --out tests/harness/generators/vllm_signatures.json

Each folder holds an unpacked wheel (`pip download vllm==VERSION --no-deps`, then unzip its .py files and METADATA).
Nothing of vLLM is imported.
"""

import argparse
import ast
import json
from pathlib import Path
from typing import Any

CALLS = {
    "LLM": ("entrypoints/llm.py", ("__init__", "reset_prefix_cache")),
    "EngineArgs": ("engine/arg_utils.py", ()),
    "LLMEngine": (
        "v1/engine/llm_engine.py",
        ("add_request", "abort_request", "has_unfinished_requests", "step", "add_lora"),
    ),
    "SamplingParams": ("sampling_params.py", ()),
    "StructuredOutputsParams": ("sampling_params.py", ()),
    "LoRARequest": ("lora/request.py", ()),
    "InprocClient": ("v1/engine/core_client.py", ("shutdown",)),
}
"""Where a class stands, and which methods are called; those without are made from their fields."""
ATTRIBUTES = {
    "LLM": ("entrypoints/llm.py", ("llm_engine",)),
    "LLMEngine": ("v1/engine/llm_engine.py", ("model_config", "engine_core")),
    "ModelConfig": ("config/model.py", ("max_model_len", "dtype")),
    "RequestOutput": ("outputs.py", ("request_id", "outputs", "finished", "num_cached_tokens")),
    "CompletionOutput": ("outputs.py", ("text", "token_ids", "cumulative_logprob", "finish_reason")),
}
"""Where a class stands, and what is read of its objects."""


def main() -> None:
    """Write what all folders have, by version; exits where a release lacks an attribute."""
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


def read_release(package: Path) -> dict[str, Any]:
    """Return parameters by `Class.method`, or by `Class` where they are its fields, and attributes as `Class.name`."""
    calls: dict[str, Any] = {}
    for name, (file, methods) in CALLS.items():
        body = _find_class(package / file, name).body
        if not methods:
            calls[name] = _fields(body)
        for method in methods:
            calls[f"{name}.{method}"] = _parameters(_find_method(body, method))
    attributes = []
    for name, (file, wanted) in ATTRIBUTES.items():
        if missing := set(wanted) - _attributes(_find_class(package / file, name).body):
            raise SystemExit(f"{package / file}: no {name}.{min(missing)}")
        attributes += [f"{name}.{one}" for one in wanted]
    return {"calls": calls, "attributes": attributes}


def _find_class(path: Path, name: str) -> ast.ClassDef:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)


def _find_method(body: list[ast.stmt], name: str) -> ast.FunctionDef:
    return next(one for one in body if isinstance(one, ast.FunctionDef) and one.name == name)


def _annotated(body: list[ast.stmt]) -> dict[str, ast.AnnAssign]:
    fields = [one for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    return {one.target.id: one for one in fields if not one.target.id.startswith("_")}


def _fields(body: list[ast.stmt]) -> dict[str, Any]:
    fields = _annotated(body)
    required = [name for name, one in fields.items() if one.value is None]
    return {"positional": list(fields), "keyword": [], "required": required}


def _parameters(method: ast.FunctionDef) -> dict[str, Any]:
    given = method.args
    positional = [one.arg for one in (*given.posonlyargs, *given.args)]
    keyword = [one.arg for one in given.kwonlyargs]
    without = positional[1 : len(positional) - len(given.defaults)]
    without += [name for name, default in zip(keyword, given.kw_defaults, strict=True) if default is None]
    returns = ast.unparse(method.returns) if method.returns else ""
    return {"positional": positional[1:], "keyword": keyword, "required": without, "returns": returns}


def _attributes(body: list[ast.stmt]) -> set[str]:
    """Return the fields of a class, and what its `__init__` puts on the object."""
    inits = [one for one in body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    nodes = [node for init in inits for node in ast.walk(init)]
    stored = [one for one in nodes if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)]
    return {*_annotated(body), *(one.attr for one in stored if ast.unparse(one.value) == "self")}


if __name__ == "__main__":
    main()

"""Questions per second of the `huggingface` back end, one process for each way of running it.

`python benchmarks/generation/speed.py --model DIR --data DIR --split dev --engines generate,shared --out FILE.json`.
An engine is `generate` (transformers' own loop, sorted by length) or `shared`; `shared:schema` and `shared:syntax` are
constrained, and `generate@96` has another batch size: what other company alone changes in bf16. Each loads the model in
a process of its own, answers a few questions that are not timed, and then all. Printed and written: questions/s, new
tokens/s, peak memory, and how many answers are those of the first engine. The answers themselves stand beside FILE, to
be scored with `t2s score --predictions`.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "llguidance")
WARM_QUESTIONS = 8
SEPARATORS = str.maketrans(":@", "--")


def main() -> None:
    """Run every engine, or in a child one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--hub-id", default="")
    parser.add_argument("--adapter", default="")
    parser.add_argument("--data", default="mini")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--engines", default="generate,shared")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--constraint", default="off", help="for engines that do not say their own")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--memory-gib", type=float, default=0.0)
    parser.add_argument("--no-graphs", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.child:
        wanted.out.write_text(json.dumps(run(wanted, wanted.child)))
        return
    engines = wanted.engines.split(",")
    parts = {engine: start(wanted, engine) for engine in engines}
    wanted.out.write_text(json.dumps(compare(wanted, parts), indent=1))
    show(json.loads(wanted.out.read_text())["engines"])


def start(wanted, engine):
    """Run one engine in a child, and write its answers."""
    stem = wanted.out.with_suffix("")
    path = Path(f"{stem}.{engine.translate(SEPARATORS)}.answers.json")
    subprocess.run([sys.executable, __file__, *sys.argv[1:], "--out", str(path), "--child", engine], check=True)
    part = json.loads(path.read_text())
    path.write_text(json.dumps(part["answers"], indent=0, ensure_ascii=False))
    return part


def run(wanted, engine):
    """Answer all questions with one engine."""
    from harness.config import PromptConfig
    from harness.datasets import load
    from harness.generators.huggingface import HuggingFace
    from harness.prompts import PromptBuilder

    spelled, _, batch_size = engine.partition("@")
    name, _, constraint = spelled.partition(":")
    dataset = load(wanted.data, wanted.split, limit=wanted.limit)
    options = {"samples": wanted.samples, "constraint": constraint or wanted.constraint}
    generator = HuggingFace(
        wanted.model,
        hub_id=wanted.hub_id,
        adapter=wanted.adapter,
        precision=wanted.precision,
        device=wanted.device,
        engine=name,
        cuda_graphs=not wanted.no_graphs,
        batch_size=int(batch_size or wanted.batch_size),
        memory_gib=wanted.memory_gib,
        max_new_tokens=wanted.max_new_tokens,
        **options,
    ).bind(dataset)
    builder = PromptBuilder(PromptConfig(), generator.count_tokens)
    examples = dataset.examples
    prompts = [builder.build(index, one, dataset.schemas[one.db_id]) for index, one in enumerate(examples)]
    for _ in generator.generate(prompts[:WARM_QUESTIONS]):
        pass
    started = time.perf_counter()
    completions = list(generator.generate(prompts))
    seconds = time.perf_counter() - started
    answers = sorted(completions, key=lambda one: (one.index, one.sample))
    tokens = sum(one.completion_tokens for one in answers)
    return {
        "engine": engine,
        "questions": len(prompts),
        "completions": len(answers),
        "seconds": round(seconds, 3),
        "questions_per_s": round(len(prompts) / seconds, 3),
        "new_tokens": tokens,
        "new_tokens_per_s": round(tokens / seconds, 1),
        "cut_at_the_limit": sum(one.finish_reason == "length" for one in answers),
        "usage": generator.usage,
        "manifest": generator.manifest,
        "answers": [
            {
                "question_id": examples[one.index].question_id,
                "db_id": examples[one.index].db_id,
                "SQL": one.text,
                **({"sample": one.sample} if wanted.samples > 1 else {}),
            }
            for one in answers
        ],
    }


def compare(wanted, parts):
    """Return all results, with the share of answers that are those of the first engine."""
    first = next(iter(parts.values()))
    engines = []
    for part in parts.values():
        pairs = list(zip(first["answers"], part["answers"], strict=True))
        same = sum(one == other for one, other in pairs) / max(1, len(pairs))
        faster = part["questions_per_s"] / first["questions_per_s"]
        figures = {key: value for key, value in part.items() if key != "answers"}
        engines.append({**figures, "same_answers": round(same, 4), "times_the_first": round(faster, 2)})
    versions = {name: version for name in PACKAGES if (version := installed(name))}
    settings = {key: str(value) for key, value in vars(wanted).items() if key not in ("child", "out")}
    return {"settings": settings, "versions": versions, "engines": engines}


def installed(name):
    """Return the version of a package, None without it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def show(engines):
    """Print a line for each engine."""
    names = ("engine", "questions", "seconds", "questions_per_s", "times_the_first", "new_tokens_per_s", "same_answers")
    print("  ".join(f"{name:>16}" for name in names))
    for one in engines:
        print("  ".join(f"{one[name]!s:>16}" for name in names))
    for one in engines:
        print(one["engine"], json.dumps(one["usage"]))


if __name__ == "__main__":
    main()

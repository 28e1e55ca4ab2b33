"""One table of named variants of a recipe: the same steps and seed, one thing changed in each row.

    python scripts/experiments/ablation.py --data BIRD --train-data BIRD_TRAIN --out ablation --minutes 8 \
        --set model=MODEL [--only ranks,targets] [--limit N]

Each variant is `t2s train` and then `t2s eval`; what is in `OUT/results.json` is not run again, so that the table grows
over several sessions. Alpha stays twice the rank. An adapter is evaluated on its own kind of 4-bit weights, which there
are doubly quantised always: the generator has no switch for that.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

from running import Evaluation, Result, Session, Training, add_arguments, percent, print_table

METRICS = ("valid_sql", "prepares", "grounded", "execution_accuracy")
LINEAR = '["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]'
UNITS_OF_AN_EPOCH, UNITS_OF_ALL_LAYERS, UNITS_OF_SEPARATE_EXAMPLES = 1.2, 1.6, 4.0
"""Times a training of the first row takes: an epoch of the 45 % sample, adapters on all layers, no shared schemas."""
SEEDS = (42, 43, 44)

Changes = dict[str, tuple[tuple[str, ...], float]]
VARIANTS: dict[str, Changes] = {
    "reference": {"reference": ((), 1.0)},
    "quantisation": {
        "nf4-single": (("model.double_quant=false",), 1.0),
        "fp4-double": (("model.quantization=fp4",), 1.0),
        "fp4-single": (("model.quantization=fp4", "model.double_quant=false"), 1.0),
    },
    "ranks": {f"r{rank}": ((f"lora.r={rank}", f"lora.alpha={2 * rank}"), 1.0) for rank in (16, 64, 128)},
    "targets": {
        "qkv": (('lora.target_modules=["q_proj", "k_proj", "v_proj"]',), 1.0),
        "all-linear": ((f"lora.target_modules={LINEAR}",), UNITS_OF_ALL_LAYERS),
    },
    "groups": {"group-1": (("packing.group_size=1",), UNITS_OF_SEPARATE_EXAMPLES)},
    "epochs": {
        f"epochs-{count}": (
            ("train.max_steps=0", "train.keep_best=false", f"train.epochs={count}"),
            count * UNITS_OF_AN_EPOCH,
        )
        for count in (1, 3, 5)
    },
    "recipes": {
        f"strong-{name}": (("train.max_steps=0", "train.keep_best=false", *changes), 7 * UNITS_OF_ALL_LAYERS)
        for name, changes in {
            "epochs-2": ("train.epochs=2",),
            "epochs-3": ("train.epochs=3",),
            "epochs-3-shuffled": ("train.epochs=3", "data.shuffle_schemas=true"),
            "epochs-4": ("train.epochs=4",),
            "epochs-3-1e-4": ("train.epochs=3", "train.learning_rate=1e-4"),
            "epochs-3-r64": ("train.epochs=3", "lora.r=64", "lora.alpha=128"),
            "epochs-3-steps-of-16": (
                "train.epochs=3",
                "train.gradient_accumulation_steps=8",
                "packing.group_size=8",
            ),
        }.items()
    },
    "seeds": {f"strong-seed-{seed}": ((f"train.seed={seed}",), 2 * UNITS_OF_ALL_LAYERS) for seed in SEEDS},
    "seeds-whole": {
        f"strong-whole-seed-{seed}": (("train.max_steps=0", f"train.seed={seed}"), 7 * UNITS_OF_ALL_LAYERS)
        for seed in SEEDS
    },
}
STRONG = ("recipes", "seeds", "seeds-whole")
"""Groups that start from the strong recipe."""
BY_DEFAULT = tuple(name for name in VARIANTS if name not in ("recipes", "seeds-whole"))
COLUMNS = ("variant", "steps", "loss", "validation", *METRICS, "peak GiB reserved", "allocated")


def rows_of(arguments: argparse.Namespace) -> list[Training]:
    """Return the rows that were asked for, the base model first."""
    settings = (f"train.max_steps={arguments.steps}", "train.save_steps=50", *arguments.settings)
    if arguments.train_data:
        settings = (f"data.path={arguments.train_data}", f'data.evaluation=["{arguments.data}"]', *settings)
    rows = [Training("base", arguments.preset, settings, base_only=True)]
    for group in dict.fromkeys(arguments.only.split(",")):
        if group not in VARIANTS:
            sys.exit(f"ablation: {group!r} is no group of variants; known are {', '.join(VARIANTS)}")
        preset = f"{arguments.preset}-strong" if group in STRONG else arguments.preset
        rows += [
            Training(name, preset, (*settings, *changes), units) for name, (changes, units) in VARIANTS[group].items()
        ]
    return rows


def line_of(name: str, result: Result) -> list[object]:
    """Return the row of a result."""
    numbers = [result.get(key) for key in ("loss", "eval_loss")]
    ends = [result.get(key) for key in ("peak_vram_gib", "peak_allocated_gib")]
    return [name, result["steps"], *numbers, *(percent(result, metric) for metric in METRICS), *ends]


def spread_of(results: Sequence[Result], name: str) -> list[str]:
    """Say how far apart the seeds of a recipe are."""
    said = []
    for metric in METRICS:
        found = [one["metrics"].get(metric, {}).get("value") for one in results]
        values = [100 * value for value in found if value is not None]
        if len(values) > 1:
            mean, deviation = statistics.fmean(values), statistics.stdev(values)
            said.append(f"{metric} {mean:.2f} ± {deviation:.2f} ({min(values):.2f} to {max(values):.2f})")
    return [f"{name}, {len(results)} seeds, mean ± standard deviation: {'; '.join(said)}."] if said else []


def main() -> None:
    """Run what is not finished and print the table; leaves with 1 while something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", required=True, help="the folder to evaluate on")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--train-data", default="", help="the folder to train on, where it is not the preset's")
    parser.add_argument("--steps", type=int, default=150, help="of every variant that does not name its epochs")
    parser.add_argument("--only", default=",".join(BY_DEFAULT), help=f"groups, of {', '.join(VARIANTS)}")
    arguments = parser.parse_args()
    rows, session = rows_of(arguments), Session(arguments)
    if arguments.list:
        for row in rows:
            print(f"{'done' if row.name in session.results else 'to do':6} {row.name:22} {' '.join(row.settings)}")
        return
    settings = tuple(arguments.eval_set)
    asked = Evaluation(arguments.data, arguments.split, METRICS, arguments.precision, arguments.limit, settings)
    whole = session.run(rows, asked)
    done = {row.name: session.results[row.name] for row in rows if row.name in session.results}
    notes = [
        note
        for prefix in ("strong-seed-", "strong-whole-seed-")
        for note in spread_of([one for name, one in done.items() if name.startswith(prefix)], f"{prefix}*")
    ]
    print_table(arguments.out / "table.md", COLUMNS, [line_of(name, one) for name, one in done.items()], notes)
    sys.exit(not whole)


if __name__ == "__main__":
    main()

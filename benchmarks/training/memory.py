"""What training takes of a card's memory, beside what `t2s plan` expects, as JSON.

`python memory.py --rows rows.json --out FILE NAME=DIR…`, with NAME one of the reference presets (qwen, falcon,
starcoder2) and DIR its weights; `rows.json` as `rows.py` writes it, with `--examples 7000` for all of a data set.
For each model, with spare memory used and not: the 64 longest groups of eight and 50 random ones, forward and backward,
under an emulated card of `--budget` GiB. Each case runs in a process of its own: peaks and limits are a process's.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

LONGEST, RANDOM, GROUP = 64, 50, 8
STEP_GROUPS = 2


def main() -> None:
    """Run all cases, or the one that a case's process is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=6.0)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--case", choices=("true", "false"), help="use_spare_memory, in the case's own process")
    wanted = parser.parse_args()
    if wanted.case:
        wanted.out.write_text(json.dumps(measure(wanted), indent=1))
        return
    found = []
    for model in wanted.models:
        for case in ("true", "false"):
            found.append(_run_case(wanted, model, case))
            wanted.out.write_text(json.dumps(found, indent=1))
            print(json.dumps({key: value for key, value in found[-1].items() if key != "batches"}), flush=True)


def _run_case(wanted: argparse.Namespace, model: str, case: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "case.json"
        command = [sys.executable, __file__, model, "--rows", str(wanted.rows), "--out", str(out), "--case", case]
        command += ["--budget", str(wanted.budget), *(part for one in wanted.settings for part in ("--set", one))]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            return {"model": model.partition("=")[0], "use_spare_memory": case, "failed": done.stderr[-3000:]}
        return json.loads(out.read_text())


@dataclass(frozen=True)
class Case:
    """A model that is ready to train, with its plan."""

    config: Any
    shape: Any
    groups: list[Any]
    plan: Any
    forward: Any
    head: Any
    optimizer: Any


def measure(wanted: argparse.Namespace) -> dict[str, Any]:
    """Train on the groups, an optimizer step for every two, and return peaks beside estimates."""
    import torch

    from trainer.loads import split_groups

    case = _prepare(wanted)
    steps = [case.groups[start : start + STEP_GROUPS] for start in range(0, len(case.groups), STEP_GROUPS)]
    cuts = [cut for step in steps for cut in split_groups(step, case.plan.micro_batch_tokens)]
    begun = time.perf_counter()
    batches = [_train(case, cut) for cut in cuts]
    torch.cuda.synchronize()
    return _describe(case, wanted, batches, time.perf_counter() - begun)


def _prepare(wanted: argparse.Namespace) -> Case:
    import torch

    from trainer import memory
    from trainer.batches import plan_batches
    from trainer.config import load
    from trainer.decoder import unsupported
    from trainer.forward import Forward
    from trainer.models import add_adapter, dequantize_layers, load_base, resolve_base

    name, _, folder = wanted.models[0].partition("=")
    settings = [f"model.path={folder}", f"packing.use_spare_memory={wanted.case}"]
    config = load(name, [*settings, f"packing.vram_budget_gib={wanted.budget}", *wanted.settings])
    shape = memory.known_shape(config.model.id)
    assert shape is not None
    groups = read_groups(wanted.rows, shape.vocabulary, min(shape.positions, config.prompt.max_tokens + 500))
    budget = memory.cap_gpu(config.packing.vram_budget_gib)
    model = add_adapter(load_base(config, resolve_base(config)), config)
    plan = plan_batches(config, model, [row for group in groups for row in group], [], budget)
    dequantize_layers(model, plan.spending.dequantized_layers)
    model.train()
    return Case(
        config=config,
        shape=replace(shape, written_out=unsupported(model) is None),
        groups=groups,
        plan=plan,
        forward=Forward(model, config, plan.choose_kept),
        head=model.get_base_model().get_output_embeddings(),
        optimizer=torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-6, fused=True),
    )


def _train(case: Case, cut: list[Any]) -> dict[str, Any]:
    """Train on one micro-batch and return its peaks since the last one, beside what the plan expects of it."""
    import torch

    from trainer import memory
    from trainer.loads import load_of
    from trainer.loss import completion_loss
    from trainer.packing import pack

    torch.cuda.reset_peak_memory_stats()
    batch = pack(cut).to("cuda")
    kept = case.plan.choose_kept(batch)
    completion_loss(case.forward.hidden_rows(batch), case.head, batch.targets).backward()
    case.optimizer.step()
    case.optimizer.zero_grad()
    load_here = load_of(cut)
    spending = memory.choose_kept(case.config, case.shape, load_here, case.plan.spending.dequantized_layers)
    expected = memory.estimate(case.config, case.shape, load_here, spending)
    return {
        "tokens": batch.tokens,
        "completion": batch.completion_tokens,
        "kept": [kept.layers, kept.mlps],
        "allocated_gib": round(torch.cuda.max_memory_allocated() / memory.GIB, 3),
        "estimated_gib": round(expected.allocated, 3),
        "reserved_gib": round(torch.cuda.max_memory_reserved() / memory.GIB, 3),
    }


def _describe(case: Case, wanted: argparse.Namespace, batches: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    import torch

    from trainer import memory

    allocated, reserved, estimated, longest = (
        max(batch[key] for batch in batches) for key in ("allocated_gib", "reserved_gib", "estimated_gib", "tokens")
    )
    return {
        "model": wanted.models[0].partition("=")[0],
        "use_spare_memory": case.config.packing.use_spare_memory,
        "device": torch.cuda.get_device_name(),
        "budget_gib": wanted.budget,
        "groups": len(case.groups),
        "examples_per_s": round(sum(map(len, case.groups)) / seconds, 2),
        "longest_tokens": longest,
        "spending": asdict(case.plan.spending),
        "allocated_gib": allocated,
        "reserved_gib": reserved,
        "estimated_allocated_gib": estimated,
        "estimated_reserved_gib": round(estimated * memory.FRAGMENTATION, 3),
        "allocated_error": round(estimated / allocated - 1, 3),
        "batches": batches,
    }


def read_groups(path: Path, vocabulary: int, most_tokens: int) -> list[Any]:
    """Return the longest groups and random ones, rows above the model's positions left out."""
    from trainer.base import Row
    from trainer.schedule import group_rows, group_tokens

    rows = [
        Row(str(row[0]), row[1], *(tuple(token % vocabulary for token in part) for part in row[2:]))
        for row in json.loads(path.read_text())
    ]
    groups = group_rows([row for row in rows if row.tokens <= most_tokens], GROUP)
    groups.sort(key=group_tokens, reverse=True)
    return [*groups[:LONGEST], *random.Random(0).sample(groups[LONGEST:], min(RANDOM, len(groups) - LONGEST))]


if __name__ == "__main__":
    main()

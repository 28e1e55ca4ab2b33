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
from dataclasses import asdict
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


def measure(wanted: argparse.Namespace) -> dict[str, Any]:
    """Train on the groups, an optimizer step for every two, and return peaks beside estimates."""
    import torch

    from trainer import memory
    from trainer.batches import plan_batches
    from trainer.config import load
    from trainer.forward import Forward
    from trainer.loads import Loads, load_of, split_groups
    from trainer.loss import completion_loss
    from trainer.memory import known_shape
    from trainer.models import add_adapter, dequantize_layers, load_base, resolve_base
    from trainer.packing import pack

    name, _, folder = wanted.models[0].partition("=")
    settings = [f"model.path={folder}", f"packing.use_spare_memory={wanted.case}"]
    config = load(name, [*settings, f"packing.vram_budget_gib={wanted.budget}", *wanted.settings])
    shape = known_shape(config.model.id)
    assert shape is not None
    groups = read_groups(wanted.rows, shape.vocabulary, min(shape.positions, config.prompt.max_tokens + 500))
    budget = memory.cap_gpu(config.packing.vram_budget_gib)
    model = add_adapter(load_base(config, resolve_base(config)), config)
    plan = plan_batches(config, model, [row for group in groups for row in group], [], budget)
    dequantize_layers(model, plan.spending.dequantized_layers)
    model.train()
    forward, head = Forward(model, config, plan.choose_kept), model.get_base_model().get_output_embeddings()
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-6, fused=True)
    steps = [groups[start : start + STEP_GROUPS] for start in range(0, len(groups), STEP_GROUPS)]
    cuts = [batch for step in steps for batch in split_groups(step, plan.micro_batch_tokens)]
    batches, begun = [], time.perf_counter()
    for cut in cuts:
        torch.cuda.reset_peak_memory_stats()
        batch = pack(cut).to("cuda")
        kept = plan.choose_kept(batch)
        completion_loss(forward.hidden_rows(batch), head, batch.targets).backward()
        optimizer.step()
        optimizer.zero_grad()
        load_here = load_of(cut)
        spending = memory.choose_kept(config, shape, load_here, plan.spending.dequantized_layers)
        expected = memory.estimate(config, shape, load_here, spending)
        batches.append(
            {
                "tokens": batch.tokens,
                "completion": batch.completion_tokens,
                "kept": [kept.layers, kept.mlps],
                "allocated_gib": round(torch.cuda.max_memory_allocated() / memory.GIB, 3),
                "estimated_gib": round(expected.allocated, 3),
                "reserved_gib": round(torch.cuda.max_memory_reserved() / memory.GIB, 3),
            }
        )
    torch.cuda.synchronize()
    seconds = time.perf_counter() - begun
    loads = Loads(*(max((load_of(cut) for cut in cuts), key=lambda load: load.tokens) for _ in range(2)))
    allocated, reserved = (max(batch[key] for batch in batches) for key in ("allocated_gib", "reserved_gib"))
    estimated = max(batch["estimated_gib"] for batch in batches)
    return {
        "model": name,
        "use_spare_memory": config.packing.use_spare_memory,
        "device": torch.cuda.get_device_name(),
        "budget_gib": wanted.budget,
        "groups": len(groups),
        "examples_per_s": round(sum(map(len, groups)) / seconds, 2),
        "longest_tokens": loads.largest.tokens,
        "spending": asdict(plan.spending),
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

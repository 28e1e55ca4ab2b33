"""What an adapter folder says about itself: `README.md`, the card, and the content of `training.json`."""

import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.files import RESUME, write_text
from trainer.base import Adapter
from trainer.config import TrainConfig, identity
from trainer.selection import Selection, choose

__all__ = ["versions", "write_card"]

PACKAGES = ("text2sql-harness", "torch", "transformers", "peft", "bitsandbytes", "accelerate")

CARD = """---
base_model: {base_model}
library_name: peft
tags:
- text-to-sql
- lora
---

# {name}

A LoRA adapter that writes SQLite queries, trained on {base_model} with text2sql-harness.

| | |
|---|---|
| rank, alpha, dropout | {r}, {alpha}, {dropout} |
| adapted layers | {targets} |{variant}
| quantisation while training | {quantization} |
| training data | {data} ({split}), {rows} of {examples} questions over {databases} databases |
| targets | {taught} |
| validation | {validation} |
| optimizer steps | {steps} of {step_examples} examples, learning rate {learning_rate}{ratio}, {scheduler} |
| seeds | {data_seed} for the sample and the databases held out, {seed} for the order and the dropout |
| checkpoint | step {chosen_step}: {chosen_reason} |
| loss | {loss} training at the end, {eval_loss} validation (nats a token of SQL) |
| time, peak VRAM | {time_s:.0f} s, {vram} |
| prompt | `{template}`, at most {prompt_tokens} tokens; {shortened} shortened, {left_out} left out as too long |

## Validation

{evaluations}

## Leakage

What the training data shares with the sets that the adapter may be evaluated on.

{leakage}

## Evidence before and after sampling

{buckets}

## Made with

{versions}

SHA-256 of the weights: {weights_sha256}. Of the data:

{hashes}

## Use

```
t2s eval CONFIG.toml --set generator.adapter={name}
```

The adapter is a plain PEFT folder; the base's weights are not in it. `training.json` holds the whole configuration,
the hashes of the data and of the weights, and the versions; `log.jsonl` the curve of the loss.

## Limits

It writes what its training data taught it, for SQLite. A lower loss is no proof of better SQL: score it on databases
that are not listed in `training.json`.
"""


def versions() -> dict[str, str]:
    """Return the versions that shape a training; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_card(
    config: TrainConfig, data: Mapping[str, Any], weights: Mapping[str, Any], adapter: Adapter
) -> dict[str, Any]:
    """Write the card into the adapter's folder, and return what `training.json` is to hold.

    An evaluation reads `config.prompt` (the prompt that was trained with), `weights.sha256` and `weights.hub_id`
    from it: those keys keep their names.
    """
    write_text(adapter.path / "README.md", _render(config, data, weights, adapter), advice=RESUME)
    about = {
        "format": 1,
        "config": asdict(config),
        "config_sha256": identity(config),
        "weights": dict(weights),
        "data": dict(data),
        "versions": versions(),
        "rows": data["rows"],
        "tokens": adapter.tokens,
        "steps": adapter.steps,
        "loss": adapter.loss,
        "eval_loss": adapter.eval_loss,
        "selection": asdict(_selection(adapter)),
        "time_s": round(adapter.time_s, 1),
        "peak_vram_gib": adapter.vram_gib,
        "peak_allocated_gib": adapter.allocated_gib,
    }
    # As it will be read again: tuples become lists.
    plain: dict[str, Any] = json.loads(json.dumps(about, default=str))
    return plain


def _selection(adapter: Adapter) -> Selection:
    return adapter.selection or choose((), adapter.steps, keep_best=False)


def _render(config: TrainConfig, data: Mapping[str, Any], weights: Mapping[str, Any], adapter: Adapter) -> str:
    held_out, selection = data["validation_databases"], _selection(adapter)
    buckets = [(one["words"], f"{one['before']} | {one['after']}") for one in data["evidence_buckets"]]
    return CARD.format(
        base_model=config.model.id,
        name=adapter.path.name,
        r=config.lora.r,
        alpha=config.lora.alpha,
        dropout=config.lora.dropout,
        targets=", ".join(config.lora.target_modules),
        variant=_variant(config),
        quantization=_quantization(config),
        data=data["name"],
        split=data["split"],
        rows=data["rows"],
        examples=data["examples"],
        databases=len(data["databases"]),
        taught=_taught(config, data["targets"]),
        validation=f"{data['validation_rows']} questions over {', '.join(held_out)}" if held_out else "none",
        steps=adapter.steps,
        step_examples=config.train.step_examples,
        learning_rate=config.train.learning_rate,
        ratio=f" (B: {config.train.loraplus_lr_ratio:g} times)" if config.train.loraplus_lr_ratio else "",
        scheduler=config.train.scheduler,
        loss=_number(adapter.loss),
        eval_loss=_number(adapter.eval_loss),
        data_seed=config.data.seed,
        seed=config.train.seed,
        chosen_step=selection.step,
        chosen_reason=selection.reason,
        evaluations=_table("step", "validation loss", [(step, f"{loss:.4f}") for step, loss in selection.evaluations]),
        leakage="\n".join(f"- {line}" for line in data["leakage"]["summary"]),
        versions=", ".join(f"{name} {version}" for name, version in versions().items()),
        weights_sha256=weights.get("sha256") or "not taken, they came from the hub",
        hashes=_table("file", "SHA-256", [*data["hashes"].items()]),
        time_s=adapter.time_s,
        vram="no GPU" if adapter.vram_gib is None else f"{adapter.vram_gib:.2f} GiB reserved",
        template=config.prompt.template,
        prompt_tokens=config.prompt.max_tokens,
        shortened=len(data["shortened"]),
        left_out=len(data["left_out"]),
        buckets=_table("words", "before | after", buckets),
    )


def _table(first: str, second: str, lines: Sequence[tuple[object, object]]) -> str:
    """Return a table of Markdown; `second` may be several columns."""
    rule = "|---" * (2 + second.count("|")) + "|"
    return "\n".join([f"| {first} | {second} |", rule, *(f"| {a} | {b} |" for a, b in lines)]) if lines else "None."


def _taught(config: TrainConfig, targets: Mapping[str, Any]) -> str:
    if config.data.qualifiers == "as_written":
        return "the golds as they are written"
    where = "every column" if config.data.qualifiers == "always" else "columns with an alias"
    return f"{where} behind its table's name: {targets['rewritten']} golds rewritten, {len(targets['kept'])} kept"


def _variant(config: TrainConfig) -> str:
    named = {"rsLoRA, scaled by alpha/√rank": config.lora.use_rslora, "DoRA": config.lora.use_dora}
    chosen = ", ".join(name for name, is_on in named.items() if is_on)
    return f"\n| variant | {chosen} |" if chosen else ""


def _quantization(config: TrainConfig) -> str:
    kind = config.model.quantization
    return f"{kind}, double" if kind != "none" and config.model.double_quant else kind


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"

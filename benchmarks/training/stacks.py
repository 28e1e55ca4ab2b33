"""One training stack over the same examples, in a process of its own: speed, memory and losses as JSON.

`python stacks.py STACK --model DIR --rows rows.json --out FILE`, with STACK one of

- `reference`: what everyone writes: transformers' Trainer, PEFT with `prepare_model_for_kbit_training`, bitsandbytes,
  batch 2 × 8, checkpointing, SDPA, examples cut at 2,048 tokens;
- `trl`: TRL's `SFTTrainer`, whose loss projects the completion alone, in chunks; `--batch` examples padding-free,
  nothing cut (`--checkpointing` recomputes, `--padded` pads instead);
- `ours`: shared-prefix packing, within `--budget` GiB reserved.

All train LoRA r = 32 on q_proj and v_proj behind an NF4 base with double quantisation, 16 examples a step, bf16.
`measuring.py` says what the figures mean.
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from measuring import STEP_EXAMPLES, Clock, Trained, count_tokens, describe

MAX_LENGTH = 2048


def main() -> None:
    """Run one stack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stack", choices=tuple(STACKS))
    parser.add_argument("--model", required=True)
    parser.add_argument("--hub-id", default="Qwen/Qwen2.5-Coder-1.5B-Instruct")
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=0, help="stop early; 0: all rows once")
    parser.add_argument("--budget", type=float, default=6.0)
    parser.add_argument("--group-size", type=int, default=8)
    parser.add_argument("--batch", type=int, default=STEP_EXAMPLES)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--padded", action="store_true")
    wanted = parser.parse_args()
    rows = _read_rows(wanted)
    clock = Clock()
    torch.backends.cuda.enable_cudnn_sdp(enabled=False)
    trained = STACKS[wanted.stack](wanted, rows, clock)
    figures = describe(wanted.stack, wanted.hub_id, len(rows), clock, trained)
    wanted.out.write_text(json.dumps(figures, indent=1))
    print(wanted.out.read_text())


def _read_rows(wanted: argparse.Namespace) -> list[Any]:
    vocabulary = json.loads((Path(wanted.model) / "config.json").read_text())["vocab_size"]
    rows = json.loads(wanted.rows.read_text())
    rows = [[*row[:2], *([token % vocabulary for token in part] for part in row[2:])] for row in rows]
    return rows[: wanted.steps * STEP_EXAMPLES] if wanted.steps else rows


def _load_4bit(model: str) -> Any:
    import transformers

    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return transformers.AutoModelForCausalLM.from_pretrained(
        model, quantization_config=config, dtype=torch.bfloat16, attn_implementation="sdpa", device_map={"": 0}
    )


def _lora() -> Any:
    import peft

    return peft.LoraConfig(
        r=32, lora_alpha=64, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"
    )


def _callback(clock: Clock) -> Any:
    import transformers

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "loss" in logs:
                clock.losses.append(round(float(logs["loss"]), 4))

    return Watch()


def _options(folder: str) -> dict[str, Any]:
    """What transformers' trainer and TRL's share."""
    return {
        "output_dir": folder,
        "num_train_epochs": 1,
        "learning_rate": 2e-5,
        "bf16": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_num_workers": 2,
    }


def train_reference(wanted: argparse.Namespace, rows: list[Any], clock: Clock) -> Trained:
    """Train as notebooks do."""
    import peft
    import transformers

    model = peft.prepare_model_for_kbit_training(_load_4bit(wanted.model), use_gradient_checkpointing=True)
    model = peft.get_peft_model(model, _lora())
    items = [_cut([*row[2], *row[3]], row[4]) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            per_device_train_batch_size=2,
            gradient_accumulation_steps=8,
            gradient_checkpointing=True,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            train_sampling_strategy="sequential",
            **_options(folder),
        )
        transformers.Trainer(
            model=model, args=arguments, train_dataset=items, data_collator=_pad, callbacks=[_callback(clock)]
        ).train()
    cut = sum(_is_cut(row) for row in rows)
    flags = {"batch": "2 × 8", "checkpointing": True, "max_length": MAX_LENGTH, "cut": cut, "attention": "sdpa"}
    return Trained(flags, count_tokens(rows, MAX_LENGTH), recomputes=True)


def _is_cut(row: Any) -> bool:
    return sum(map(len, row[2:])) > MAX_LENGTH


def _cut(prompt: list[int], target: list[int]) -> dict[str, list[int]]:
    ids, labels = prompt + target, [-100] * len(prompt) + target
    return {"input_ids": ids[:MAX_LENGTH], "labels": labels[:MAX_LENGTH]}


def _pad(items: list[dict[str, list[int]]]) -> dict[str, Any]:
    longest = max(len(item["input_ids"]) for item in items)

    def column(name: str, filler: int) -> Any:
        return torch.tensor([item[name] + [filler] * (longest - len(item[name])) for item in items])

    mask = [[1] * len(item["input_ids"]) + [0] * (longest - len(item["input_ids"])) for item in items]
    return {
        "input_ids": column("input_ids", 0),
        "labels": column("labels", -100),
        "attention_mask": torch.tensor(mask),
    }


def train_trl(wanted: argparse.Namespace, rows: list[Any], clock: Clock) -> Trained:
    """Train with TRL's own defaults for speed, padding-free, nothing cut."""
    import datasets
    import transformers
    import trl

    items = [
        {
            "input_ids": [*row[2], *row[3], *row[4]],
            "labels": [-100] * (len(row[2]) + len(row[3])) + list(row[4]),
        }
        for row in rows
    ]
    free = not wanted.padded
    # The examples are as they are: nothing is cached, so nothing needs to be hashed (which fails on Python 3.12).
    datasets.fingerprint.Hasher.hash = staticmethod(lambda _value: "given")
    with tempfile.TemporaryDirectory() as folder:
        arguments = trl.SFTConfig(
            per_device_train_batch_size=wanted.batch,
            gradient_accumulation_steps=STEP_EXAMPLES // wanted.batch,
            gradient_checkpointing=wanted.checkpointing,
            padding_free=free,
            max_length=None,
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
            train_sampling_strategy="sequential",
            **_options(folder),
        )
        trl.SFTTrainer(
            model=_load_4bit(wanted.model),
            args=arguments,
            train_dataset=datasets.Dataset.from_list(items),
            processing_class=transformers.AutoTokenizer.from_pretrained(wanted.model),
            peft_config=_lora(),
            callbacks=[_callback(clock)],
        ).train()
    shape = f"{wanted.batch} × {STEP_EXAMPLES // wanted.batch}"
    flags = {"batch": shape, "padding_free": free, "checkpointing": wanted.checkpointing, "attention": "sdpa"}
    return Trained(flags, count_tokens(rows), recomputes=wanted.checkpointing)


def train_ours(wanted: argparse.Namespace, rows: list[Any], clock: Clock) -> Trained:
    """Train the preset `qwen`'s recipe on the rows."""
    from trainer.base import Row
    from trainer.config import load
    from trainer.recipe import Recipe
    from trainer.schedule import Schedule, group_tokens

    settings = [
        f"model.id={wanted.hub_id}",
        f"model.path={wanted.model}",
        f"packing.vram_budget_gib={wanted.budget}",
        f"packing.group_size={wanted.group_size}",
        "train.epochs=1",
        "train.logging_steps=1",
        "train.save_steps=0",
    ]
    config = load("qwen", settings)
    ours = [Row(str(row[0]), row[1], *(tuple(part) for part in row[2:])) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        Recipe(config).train(ours, [], Path(folder), on_step=lambda step: clock.tick(step.loss))
    schedule = Schedule(tuple(ours), STEP_EXAMPLES, wanted.group_size, config.train.seed)
    tokens = [
        (sum(row.tokens for group in step for row in group), sum(map(group_tokens, step))) for step in schedule.epoch(0)
    ]
    return Trained({"group_size": wanted.group_size, "budget_gib": wanted.budget}, tokens, recomputes=False)


STACKS = {"reference": train_reference, "trl": train_trl, "ours": train_ours}


if __name__ == "__main__":
    # As a module of its own name: `datasets` hashes what it is given, and cannot hash what lives in `__main__`.
    importlib.import_module("stacks").main()

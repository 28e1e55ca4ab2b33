"""What transformers' `Trainer` is told, the optimizer that it does not know, and how quiet it is."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from peft.optimizers import create_loraplus_optimizer
from transformers.utils import logging as transformers_logging

from harness.models import choose_device, choose_dtype
from trainer.batches import BatchPlan
from trainer.session import Session

__all__ = ["loraplus_optimizer", "quiet_libraries", "training_arguments"]

KEPT_CHECKPOINTS = 2


def training_arguments(session: Session, plan: BatchPlan) -> Any:
    """Return transformers' arguments for one process on one device."""
    options = session.config.train
    device = choose_device()
    fp16 = device.type == "cuda" and choose_dtype(session.config.model.compute_dtype, device) is torch.float16
    arguments = transformers.TrainingArguments(
        output_dir=str(session.checkpoints),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=1,
        num_train_epochs=options.epochs,
        max_steps=options.max_steps or -1,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_steps=round(options.warmup_ratio * plan.total_steps),
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        logging_strategy="no",
        save_strategy="epoch",
        save_total_limit=KEPT_CHECKPOINTS,
        eval_strategy="epoch" if plan.validation else "no",
        use_cpu=device.type == "cpu",
        fp16=fp16,
        seed=options.seed,
        data_seed=options.seed,
        report_to="none",
        optim="adamw_torch_fused",
        # Ours looks at every loss, and does not make the GPU wait for it.
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    # One process, one device: on several GPUs transformers would wrap the model in DataParallel.
    arguments._n_gpu = 1  # noqa: SLF001 - there is no public switch
    return arguments


def loraplus_optimizer(model: Any, arguments: Any, ratio: float) -> Any:
    """Return the optimizer that the arguments name, with B's learning rate `ratio` times A's.

    The groups are PEFT's: what has one dimension, as DoRA's norms, learns at B's rate. A's group comes first.
    """
    kind, options = transformers.Trainer.get_optimizer_cls_and_kwargs(arguments, model)
    rate = options.pop("lr")
    return create_loraplus_optimizer(
        model, kind, lr=rate, loraplus_lr_ratio=ratio, loraplus_weight_decay=arguments.weight_decay, **options
    )


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the chatter of transformers and PEFT from the progress display; errors still raise."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(transformers|peft|accelerate|torch)\b.*")
        try:
            yield
        finally:
            transformers_logging.set_verbosity(verbosity)

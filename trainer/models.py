"""Adds the adapter to what `harness.models` loads, and checks beforehand that this machine can train it."""

import functools
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import models
from harness.errors import ConfigError, MissingDependency, ModelError, UsageError
from trainer.config import TrainConfig
from trainer.data import Encoder
from trainer.embedding import keep_on_cpu
from trainer.projections import dequantize_projection, is_quantized
from trainer.shapes import WRITTEN_OUT, Shape

try:
    import peft
    import torch
    import transformers
except ImportError as error:
    raise MissingDependency(
        f"train: {error.name} is not installed; install the training stack: pip install 'text2sql-harness[train]'"
    ) from error

__all__ = [
    "add_adapter",
    "check_machine",
    "dequantize_layers",
    "hidden_states",
    "load_adapter",
    "load_base",
    "load_tokenizer",
    "make_encoder",
    "read_shape",
    "resolve_base",
    "shape_of",
]

DROPOUTS = ("attention_dropout", "residual_dropout", "embedding_dropout")
load_tokenizer = models.load_tokenizer


def check_machine(config: TrainConfig) -> None:
    """Raise `UsageError` when the configuration needs a GPU and there is none; nothing is loaded for that."""
    if config.model.quantization != "none" and not torch.cuda.is_available():
        raise UsageError(
            f"model.quantization = {config.model.quantization!r}: 4-bit training needs a CUDA device, and torch sees "
            "none here; without one, train unquantised with --set model.quantization=none, or the preset smollm2"
        )


def resolve_base(config: TrainConfig) -> models.Weights:
    """Return where the base comes from; raises `ModelError` when `model.path` is not there."""
    return models.resolve(config.model.path or config.model.id, hub_id=config.model.id)


def make_encoder(tokenizer: Any) -> Encoder:
    """Return the tokeniser as the callables that `trainer.data` takes.

    Raises `ModelError` for one without an end token: the model could not learn where an answer ends.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{tokenizer.name_or_path or 'tokeniser'}: it has no end token, and an answer must end; name weights whose "
            "tokeniser has an eos_token, with --set model=PATH"
        )

    def encode(text: str, start: bool) -> list[int]:  # noqa: FBT001 - the shape of Encoder.encode
        return models.encode(tokenizer, text, start=start)

    chat: Callable[[str], str] | None = functools.partial(models.chat_text, tokenizer)
    return Encoder(encode=encode, end_id=int(tokenizer.eos_token_id), chat=chat if tokenizer.chat_template else None)


def load_base(config: TrainConfig, weights: models.Weights) -> Any:
    """Load the base for training: quantised as configured, else in the compute type (fp32 on a CPU).

    Dropout that its configuration asks for is switched off, and that is logged: the base is frozen, and what keeps
    the adapter from learning by heart is `lora.dropout`. Raises `ConfigError` for an embedding that cannot stay on the
    CPU where that is asked for.
    """
    quantization = config.model.quantization
    model = models.load_model(
        weights,
        precision=config.model.compute_dtype if quantization == "none" else quantization,
        double_quant=config.model.double_quant,
        compute_dtype=config.model.compute_dtype,
    )
    if found := {name: rate for name in DROPOUTS if (rate := getattr(model.config, name, 0))}:
        rates = ", ".join(f"{name} = {rate:g}" for name, rate in found.items())
        logging.getLogger(__name__).warning("%s: the base's own %s is switched off", config.model.id, rates)
        for module in (model.config, *model.modules()):
            for name in found:
                if hasattr(module, name):
                    setattr(module, name, 0.0)
    if config.model.embedding_on_cpu:
        keep_on_cpu(model)
    return model


def dequantize_layers(model: Any, layers: int) -> None:
    """Hold the first so many decoder layers of an adapted model in the compute type, one after the other."""
    for layer in model.get_base_model().model.layers[:layers]:
        for parent in list(layer.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, torch.nn.Linear) and is_quantized(child):
                    setattr(parent, name, dequantize_projection(child, child.compute_dtype))


def add_adapter(model: Any, config: TrainConfig) -> Any:
    """Put LoRA on a base: the base frozen as it is, the adapter's weights fp32.

    PEFT's `prepare_model_for_kbit_training` is not used: it would lift embeddings and head to fp32. Raises
    `ConfigError` for target modules that the model has not.
    """
    model.requires_grad_(False)
    model.config.use_cache = False
    lora = peft.LoraConfig(
        r=config.lora.r,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        target_modules=list(config.lora.target_modules),
        use_rslora=config.lora.use_rslora,
        use_dora=config.lora.use_dora,
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            adapted = peft.get_peft_model(model, lora)
    except ValueError as error:
        raise ConfigError("lora.target_modules", [str(error)]) from error
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            # In bf16, at 2e-5, most steps would round away.
            assert parameter.dtype is torch.float32, name
    return adapted


def load_adapter(model: Any, folder: Path) -> None:
    """Give an adapted model the adapter's weights that lie in `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        peft.set_peft_model_state_dict(model, peft.load_peft_weights(str(folder), device="cpu"))


def hidden_states(model: Any, input_ids: Any, positions: Any, mask: Any) -> Any:
    """Return the last hidden states [1, T, D] of an adapted model: everything but the head.

    `mask` is a boolean [1, 1, T, T], or one for each kind of layer.
    """
    decoder = model.get_base_model().base_model
    return decoder(input_ids=input_ids, position_ids=positions, attention_mask=mask, use_cache=False).last_hidden_state


def read_shape(weights: models.Weights) -> Shape:
    """Read a model's shape from its configuration file, not from its weights."""
    return shape_of(transformers.AutoConfig.from_pretrained(weights.source, **weights.options))


def shape_of(config: Any) -> Shape:
    """Return the shape that a transformers configuration describes."""
    heads = config.num_attention_heads
    return Shape(
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=heads,
        kv_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        intermediate=config.intermediate_size,
        vocabulary=config.vocab_size,
        tied=bool(config.tie_word_embeddings),
        positions=config.max_position_embeddings,
        gated=config.model_type != "starcoder2",
        written_out=config.model_type in WRITTEN_OUT,
    )

"""4-bit weights: bitsandbytes' layers in the place of a model's linear ones."""

import importlib
from types import ModuleType
from typing import Any

import torch
import transformers

from harness.errors import MissingDependency

__all__ = ["bnb_config", "quantize", "require"]


def bnb_config(precision: str, compute_dtype: Any, *, double_quant: bool) -> Any:
    """Return transformers' configuration of 4-bit weights (`precision`: nf4 or fp4); raises `MissingDependency`."""
    require("bitsandbytes")
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=precision,
        bnb_4bit_use_double_quant=double_quant,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def quantize(model: Any, config: Any, device: Any) -> None:
    """Replace every linear layer but the head by bitsandbytes' 4-bit one, on `device`, one layer at a time."""
    layers = require("bitsandbytes").nn
    head = model.get_output_embeddings()
    for name, module in list(model.named_modules()):
        if type(module) is not torch.nn.Linear or module is head:
            continue
        sizes, compute = (module.in_features, module.out_features), config.bnb_4bit_compute_dtype
        with torch.device("meta"):
            layer = layers.Linear4bit(*sizes, bias=module.bias is not None, compute_dtype=compute)
        kind, double = config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant
        data = module.weight.data
        layer.weight = layers.Params4bit(data, requires_grad=False, quant_type=kind, compress_statistics=double)
        layer.bias = module.bias
        model.set_submodule(name, layer.to(device))


def require(name: str) -> ModuleType:
    """Import a package of the training stack; raises `MissingDependency` where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependency(
            f"models: {name} is not installed; install the training stack: pip install 'text2sql-harness[train]'"
        ) from error

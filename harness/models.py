"""A hub id, a folder or a `.gguf` file → a tokeniser and a (quantised) model; the one loader, for both packages.

Importing this module imports torch and transformers, and raises `MissingDependency` where they are absent.
"""

import contextlib
import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import MissingDependency, ModelError

try:
    import torch
    import transformers
    from transformers.utils import logging as transformers_logging

    from harness.quantization import bnb_config, quantize, require
except ImportError as error:
    raise MissingDependency(
        f"models: {error.name or 'transformers'} cannot be imported ({str(error).splitlines()[0]}); "
        "install the training stack: pip install 'text2sql-harness[train]'"
    ) from error

__all__ = [
    "Precision",
    "Weights",
    "chat_text",
    "choose_device",
    "choose_dtype",
    "count_tokens",
    "encode",
    "load_model",
    "load_tokenizer",
    "resolve",
    "sliding_windows",
]

Precision = Literal["nf4", "fp4", "bf16", "fp16", "fp32", "auto"]
# It reports an optional kernel that it did not find, as soon as PEFT imports it.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True)
class Weights:
    """Where a model comes from: `ref` as the user wrote it, the local `path` (`None`: the hub) and the `hub_id`.

    `sha256` is that of the `.gguf` file, or of the safetensors files in the order of their names; none for a hub id.
    """

    ref: str
    path: Path | None
    hub_id: str
    sha256: str | None

    @property
    def gguf_file(self) -> str | None:
        """The name of the `.gguf` file, where the weights are one."""
        return self.path.name if self.path is not None and self.path.suffix == ".gguf" else None

    @property
    def source(self) -> str:
        """What `from_pretrained` is given: the hub id, the folder, or the folder of the `.gguf` file."""
        if self.path is None:
            return self.hub_id
        return str(self.path.parent if self.gguf_file else self.path)

    @property
    def options(self) -> dict[str, str]:
        """What `from_pretrained` is given beside it."""
        return {"gguf_file": self.gguf_file} if self.gguf_file else {}


def resolve(ref: str, *, hub_id: str = "") -> Weights:
    """Say what `ref` is: a `.gguf` file, a folder with a model (or with one `.gguf` file), else a hub id.

    `hub_id` names the model that a file holds. Raises `ModelError` when `ref` looks like a path and nothing, or
    nothing that can be loaded, is there.
    """
    path = Path(ref).expanduser()
    known = "name a .gguf file, a folder with config.json or with one .gguf file, or a hub id such as Qwen/Qwen2.5-0.5B"
    if path.is_dir() and not (path / "config.json").is_file() and len(files := sorted(path.glob("*.gguf"))) == 1:
        path = files[0]
    if (path / "config.json").is_file() or (path.is_file() and path.suffix == ".gguf"):
        return Weights(ref, path, hub_id or ref, _sha256(path))
    if path.exists():
        raise ModelError(f"{ref}: no model that can be loaded; {known}")
    if path.suffix in (".gguf", ".safetensors") or path.is_absolute() or ref.startswith(".") or ref.count("/") != 1:
        raise ModelError(f"{ref}: no such file or folder; {known}")
    return Weights(ref, None, ref, None)


def _sha256(path: Path) -> str | None:
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    digest = hashlib.sha256()  # one over all files
    for name in files:
        with name.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest() if files else None


def load_tokenizer(weights: Weights) -> Any:
    """Load the tokeniser; it pads on the left, with the end token where the model names no padding token.

    Raises `ModelError` when it cannot be had. The vocabulary never grows.
    """
    with _loading(weights, "tokeniser"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(weights.source, **weights.options)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def load_model(
    weights: Weights,
    *,
    precision: Precision = "auto",
    double_quant: bool = True,
    compute_dtype: str = "auto",
    device: str = "auto",
    adapter: Path | None = None,
) -> Any:
    """Load a causal language model in evaluation mode, with the PEFT adapter `adapter` on it where one is named.

    `auto` is bf16 on a GPU that computes it, fp16 on another GPU and fp32 on the CPU; `nf4` and `fp4` quantise
    all linear layers but the head. Raises `ModelError` when the weights or the adapter cannot be loaded, and
    `MissingDependency` without bitsandbytes or PEFT.
    """
    target = choose_device(device)
    quantized = precision in ("nf4", "fp4")
    compute = choose_dtype(compute_dtype, target)
    dtype = compute if quantized or precision == "auto" else DTYPES[precision]
    if target.type == "cuda":
        # cuDNN's attention with a mask gave NaN on the H100 (torch 2.11).
        torch.backends.cuda.enable_cudnn_sdp(False)
    if dtype is torch.float16 and quantized:
        # A card without bf16: only the products are fp16, the residual stream and the norms stay fp32.
        dtype = torch.float32
    with _loading(weights, "model"):
        if quantized and weights.gguf_file is None:
            config = bnb_config(precision, compute, double_quant=double_quant)
            model = _from_pretrained(weights, dtype, {"quantization_config": config, "device_map": {"": target}})
        else:
            model = _load_dense(weights, dtype)
            if quantized:
                quantize(model, bnb_config(precision, compute, double_quant=double_quant), target)
            model.to(target)
    # PEFT looks for the first, and records the base model by the second.
    model.is_loaded_in_4bit = quantized
    model.name_or_path = model.config._name_or_path = weights.hub_id  # noqa: SLF001
    return (model if adapter is None else _put_on_adapter(model, adapter)).eval()


def choose_device(device: str = "auto") -> Any:
    """Return the torch device that `auto`, `cpu`, `cuda`… stands for; raises `ModelError` where there is no GPU."""
    if device == "auto":
        return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    target = torch.device(device)
    if target.type == "cuda" and not torch.cuda.is_available():
        raise ModelError(f"device {device}: torch sees no CUDA device here; use device = 'cpu' or install the driver")
    return target


def choose_dtype(name: str, device: Any) -> Any:
    """Return the torch dtype of `bf16`, `fp16`, `fp32`, or of `auto`: what `device` computes fast and safely."""
    if name in DTYPES:
        return DTYPES[name]
    if name != "auto":
        raise ModelError(f"dtype {name!r}: not known; use auto, {', '.join(DTYPES)}")
    if device.type != "cuda":
        return torch.float32
    # Compute capability 8: before it, torch emulates bf16 and says that it is supported.
    return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16  # noqa: PLR2004


def sliding_windows(config: Any) -> list[int | None]:
    """Return how far back each layer of a transformers configuration sees, in positions; None: to the beginning."""
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    if not kinds:
        return [window] * config.num_hidden_layers
    return [window if kind == "sliding_attention" else None for kind in kinds]


def count_tokens(tokenizer: Any, text: str) -> int:
    """Count the tokens of `text`, without special tokens."""
    return len(encode(tokenizer, text, start=False))


def chat_text(tokenizer: Any, user: str) -> str:
    """Return the chat template's text for one message of the user, up to where the model answers.

    Raises `ModelError` when the tokeniser has no chat template.
    """
    if not tokenizer.chat_template:
        raise ModelError("chat template: this model has none; use prompt.template = 'plain'")
    messages = [{"role": "user", "content": user}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def encode(tokenizer: Any, text: str, *, start: bool) -> list[int]:
    """Return the token ids of `text`: no special ones, but a BOS at the `start` where the tokeniser adds one.

    A text that brings its own BOS (some chat templates do) gets no second.
    """
    ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    bos = tokenizer.bos_token_id
    if start and bos is not None and ids[:1] != [bos] and tokenizer("a")["input_ids"][:1] == [bos]:
        return [bos, *ids]
    return ids


def _load_dense(weights: Weights, dtype: Any) -> Any:
    if not weights.gguf_file:
        return _from_pretrained(weights, dtype, {})
    # Newer releases keep the blocks packed when they can, which neither bitsandbytes nor LoRA can work on.
    newer = hasattr(transformers, "GgufConfig")
    unpack = {"quantization_config": transformers.GgufConfig(dequantize=True)} if newer else {}
    model = _from_pretrained(weights, dtype, unpack)
    # Unpacked, it is a plain model: without these marks it is saved and trained as one.
    for name in ("hf_quantizer", "quantization_method", "is_quantized"):
        vars(model).pop(name, None)
    vars(model.config).pop("quantization_config", None)
    return model


def _from_pretrained(weights: Weights, dtype: Any, options: dict[str, Any]) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(
        weights.source, dtype=dtype, attn_implementation="sdpa", **weights.options, **options
    )


def _put_on_adapter(model: Any, adapter: Path) -> Any:
    if not (adapter / "adapter_config.json").is_file():
        raise ModelError(f"{adapter}: no adapter_config.json there; name a folder that `t2s train` wrote")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that is going away
            return require("peft").PeftModel.from_pretrained(model, str(adapter))
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{adapter}: the adapter does not fit this model: {_first_line(error)}") from error


@contextlib.contextmanager
def _loading(weights: Weights, what: str) -> Iterator[None]:
    """Silence the bars and the chatter of loading, and turn its failures into `ModelError`."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        # The bar of unpacking GGUF knows no switch.
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        advice = "check the file, or name other weights with --set model=PATH"
        if weights.path is None:
            advice = "is the hub reachable and the id right? name local weights with --set model=PATH"
        if isinstance(error, torch.OutOfMemoryError):
            advice = "the device's memory is full; close other programs or quantise (nf4)"
        raise ModelError(f"{weights.ref}: the {what} cannot be loaded: {_first_line(error)}; {advice}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
        transformers_logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

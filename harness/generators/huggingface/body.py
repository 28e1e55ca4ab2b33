"""A model's decoder layers, driven one after the other, with attention that is ours.

transformers' own layers and whatever PEFT and bitsandbytes put into them compute everything else. Not covered, and
left to `generate`: model types other than `MODEL_TYPES`, rotary embeddings that change with the length, adapters that
are prompts.
"""

from typing import Any, Protocol

from transformers import AttentionInterface

from harness.models import sliding_windows

__all__ = ["MODEL_TYPES", "Attending", "Body", "unsupported"]

MODEL_TYPES = ("qwen2", "qwen3", "llama", "mistral", "starcoder2")
ATTENTION = "t2s_shared_prefix"
CHANGING_ROPE = ("dynamic", "longrope")


class Attending(Protocol):
    """The attention of one pass through the model."""

    def attend(self, layer: int, states: tuple[Any, Any, Any], scale: float) -> Any:
        """Store a layer's new keys and values and return what the queries find [batch, tokens, heads, d].

        `states`: queries [batch, heads, tokens, d], keys and values [batch, kv heads, tokens, d].
        """
        ...


def _attend(  # noqa: PLR0913 - transformers' signature
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,  # noqa: ARG001 - the same
    *,
    scaling: float,
    attending: Attending,
    **_: Any,
) -> tuple[Any, None]:
    return attending.attend(module.layer_idx, (query, key, value), scaling), None


AttentionInterface.register(ATTENTION, _attend)


def unsupported(model: Any) -> str:
    """Return why a model's layers cannot be driven here; `""` where they can."""
    base = _base(model)
    config = base.config
    if config.model_type not in MODEL_TYPES:
        return f"model type {config.model_type}"
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if rope in CHANGING_ROPE:
        return f"{rope} rotary embedding"
    adapter: Any = getattr(model, "active_peft_config", None)
    return f"adapter of type {adapter.peft_type}" if getattr(adapter, "is_prompt_learning", False) else ""


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class Body:
    """A causal language model without its own cache and attention."""

    def __init__(self, model: Any) -> None:
        self._model = _base(model)
        self._decoder = self._model.model
        self.config = self._model.config
        self.device = self._decoder.embed_tokens.weight.device
        self.layers = len(self._decoder.layers)
        self.head_dim = int(self._decoder.layers[0].self_attn.head_dim)
        self.windows = sliding_windows(self.config)

    def hidden(self, ids: Any, positions: Any, attending: Attending) -> Any:
        """Return the last hidden states [batch, tokens, D] of tokens at positions, both [batch, tokens]."""
        before, self.config._attn_implementation = self.config._attn_implementation, ATTENTION  # noqa: SLF001
        try:
            x = self._decoder.embed_tokens(ids)
            rotary = self._decoder.rotary_emb(x, position_ids=positions)
            for layer in self._decoder.layers:
                x = layer(
                    x,
                    attention_mask=None,
                    position_ids=positions,
                    position_embeddings=rotary,
                    attending=attending,
                )
            return self._decoder.norm(x)
        finally:
            self.config._attn_implementation = before  # noqa: SLF001

    def logits(self, hidden: Any) -> Any:
        """Return the logits [n, vocabulary] of hidden states [n, D]."""
        return self._model.get_output_embeddings()(hidden)

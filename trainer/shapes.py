"""What the memory of a model depends on: its sizes, known for the presets' models before anything is loaded."""

from dataclasses import dataclass, replace
from typing import Any

__all__ = ["LINEAR_LAYERS", "SHAPES", "WRITTEN_OUT", "Shape", "known_shape", "same_model"]

LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "c_fc", "c_proj")
WRITTEN_OUT = ("qwen2", "llama", "starcoder2")
"""The model types whose decoder `trainer.decoder` computes; transformers' own layers keep more."""


@dataclass(frozen=True)
class Shape:
    """What memory depends on; `gated` for a SwiGLU block of three matrices, else two.

    `written_out`: `trainer.decoder` computes the layers, and not transformers' own under autocast.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool
    positions: int
    gated: bool = True
    written_out: bool = True

    def linear(self, name: str) -> tuple[int, int]:
        """Return the (in, out) features of a linear layer of the block; (0, 0) for one that it has not."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        sizes = {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
        }
        names = ("gate_proj", "up_proj", "down_proj") if self.gated else ("c_fc", "c_proj")
        for one in names:
            down = one in ("down_proj", "c_proj")
            sizes[one] = (self.intermediate, self.hidden) if down else (self.hidden, self.intermediate)
        return sizes.get(name, (0, 0))

    @property
    def block_parameters(self) -> int:
        """The parameters of all linear layers in all blocks: those that are quantised."""
        return self.layers * sum(a * b for a, b in map(self.linear, LINEAR_LAYERS))

    @property
    def embedding_parameters(self) -> int:
        """The parameters of embedding and head."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    def adapter_parameters(self, rank: int, target_modules: tuple[str, ...], *, norms: bool = False) -> int:
        """The parameters of LoRA at `rank`, with DoRA's `norms` one more for each output."""
        return self.layers * sum(rank * (a + b) + b * norms for a, b in map(self.linear, target_modules))


SHAPES = {
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": Shape(1536, 28, 12, 2, 128, 8960, 151936, tied=True, positions=32768),
    "tiiuae/Falcon3-1B-Base": Shape(2048, 18, 8, 4, 256, 8192, 131072, tied=False, positions=4096),
    "bigcode/starcoder2-3b": Shape(3072, 30, 24, 2, 128, 12288, 49152, tied=True, positions=16384, gated=False),
    "HuggingFaceTB/SmolLM2-135M-Instruct": Shape(576, 30, 9, 3, 64, 1536, 49152, tied=True, positions=8192),
}
"""The shapes of the presets' models, from their published configurations."""


def same_model(one: Shape, other: Shape) -> bool:
    """Return whether two shapes can be of one model: files differ in tied heads, padded vocabularies and positions."""
    ignored: Any = {"tied": True, "vocabulary": 0, "positions": 0}
    return replace(one, **ignored) == replace(other, **ignored)


def known_shape(model_id: str) -> Shape | None:
    """Return the shape of a preset's model, `None` for any other."""
    return SHAPES.get(model_id)

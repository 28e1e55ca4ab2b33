"""The halves of a decoder layer, before and after attention, as functions whose backward pass is written out.

A frozen weight needs no input for its gradient, so little is kept: the stream before and in the middle of the layer,
the images under A, and the MLP's products where the caller asks for it; the rest is computed again from these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from trainer.norms import Norm
from trainer.packing import Piece, attend
from trainer.projections import Projection

__all__ = ["Call", "Keep", "Layer", "run_layer"]


@dataclass(frozen=True, eq=False)
class Layer:
    """One block: its norms, its projections in and out of attention and MLP, and its attention's shape."""

    norms: tuple[Norm, Norm]
    reading: tuple[Projection, ...]
    writing: Projection
    widening: tuple[Projection, ...]
    narrowing: Projection
    head_dim: int
    scaling: float
    window: int | None

    @property
    def projections(self) -> tuple[Projection, ...]:
        """All of the block's, in the order in which `run_layer` takes their weights."""
        return (*self.reading, self.writing, *self.widening, self.narrowing)


@dataclass(frozen=True, eq=False)
class Keep:
    """How a layer runs: over which `pieces`, what it keeps between the passes, which `rows` it returns (all)."""

    pieces: tuple[Piece, ...]
    attention: bool
    mlp: bool
    rows: Any = None


@dataclass(frozen=True, eq=False)
class Call:
    """What the layers of one micro-batch share: the compute type, rotations [T, 1, d] and back, dropout's seed."""

    dtype: Any
    cosine: Any
    sine: Any
    sine_back: Any
    seed: int | None


def _rotate(x: Any, cosine: Any, sine: Any) -> Any:
    """Return x·cos + rotate_half(x)·sin, for x [T, heads, d]; with −sin it is the way back."""
    half = x.shape[-1] // 2
    y = x * cosine
    y[..., :half].addcmul_(x[..., half:], sine[..., :half], value=-1)
    y[..., half:].addcmul_(x[..., :half], sine[..., half:])
    return y


class _Weights:
    """The adapter weights of some projections as one flat list, and their gradients in the same order."""

    def __init__(self, projections: Sequence[Projection], tensors: Sequence[Any]) -> None:
        self.of: dict[int, Sequence[Any]] = {}
        rest = list(tensors)
        for one in projections:
            self.of[one.number] = [rest.pop(0), rest.pop(0)] if one.lora else []
        self.gradients: dict[int, tuple[Any, Any]] = {}

    def flat(self) -> list[Any]:
        return [one for number in self.of for one in self.gradients.get(number, ())]


class _BeforeAttention(torch.autograd.Function):
    """x [T, D] → for each piece its queries, keys and values [tokens, heads, d], rotated."""

    @staticmethod
    def forward(ctx: Any, layer: Layer, call: Call, pieces: Sequence[Piece], x: Any, *tensors: Any) -> Any:
        weights = _Weights(layer.reading, tensors)
        normed, statistics = layer.norms[0].forward(x)
        normed = normed.to(call.dtype)
        made = [one.forward(normed, weights.of[one.number], call.seed) for one in layer.reading]
        q, k, v = (y.view(y.shape[0], -1, layer.head_dim) for y, _ in made)
        q, k = (_rotate(one, call.cosine, call.sine) for one in (q, k))
        ctx.given = layer, call, pieces, len(statistics)
        ctx.save_for_backward(x, *statistics, *tensors, *(inner for _, inner in made if inner is not None))
        return tuple(part for piece in pieces for part in piece.cut(q, k, v))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        layer, call, pieces, count = ctx.given
        x, *kept = ctx.saved_tensors
        statistics, kept = kept[:count], kept[count:]
        weights = _Weights(layer.reading, kept)
        inners = kept[2 * sum(one.lora is not None for one in layer.reading) :]
        found = _join(pieces, gradients)
        found = [_rotate(one, call.cosine, call.sine_back) for one in found[:2]] + found[2:]
        normed = None
        back = None
        for one, rotated in zip(layer.reading, found, strict=True):
            g = rotated.reshape(rotated.shape[0], -1)
            if one.lora is not None:
                normed = layer.norms[0].forward(x)[0].to(call.dtype) if normed is None else normed
                *both, sent = one.backward(g, normed, weights.of[one.number], inners.pop(0), call.seed)
                weights.gradients[one.number] = tuple(both)
                if ctx.needs_input_grad[3]:
                    back = sent if back is None else back.add_(sent)
            if ctx.needs_input_grad[3]:
                back = one.input_gradient(g, back)
        if back is not None:
            back = layer.norms[0].backward(back.to(x.dtype), x, statistics)
        return None, None, None, back, *weights.flat()


def _join(pieces: Sequence[Piece], gradients: Sequence[Any]) -> list[Any]:
    """Put the gradients of the pieces' queries, keys and values together as [T, heads, d]."""
    joined = [_beside(gradients[::3]).flatten(1, 2)]
    for which in (1, 2):
        parts: list[Any] = []
        for piece, part in zip(pieces, gradients[which::3], strict=True):
            if parts and not piece.alone and piece.mask is not None:
                # Tails look at their schema too. Fresh from attention, their gradient is ours to change.
                before = parts.pop()
                part[:, :, : before.shape[2]].add_(before)
            parts.append(part)
        joined.append(_beside(parts).sum(2))
    return joined


class _AfterAttention(torch.autograd.Function):
    """The stream x [T, D] and what attention returned → the stream behind the block."""

    @staticmethod
    def forward(ctx: Any, layer: Layer, call: Call, keep: bool, x: Any, *tensors: Any) -> Any:  # noqa: FBT001
        projections = (layer.writing, *layer.widening, layer.narrowing)
        count = 2 * sum(one.lora is not None for one in projections)
        weights = _Weights(projections, tensors[:count])
        attended = _rows_of(tensors[count:])
        written, inner = layer.writing.forward(attended, weights.of[layer.writing.number], call.seed)
        middle = x + written
        normed, statistics = layer.norms[1].forward(middle)
        normed = normed.to(call.dtype)
        made = [one.forward(normed, weights.of[one.number], call.seed) for one in layer.widening]
        wide = [y for y, _ in made]
        narrowed, last = layer.narrowing.forward(_activate(wide), weights.of[layer.narrowing.number], call.seed)
        inners = [one for one in (inner, *(one for _, one in made), last) if one is not None]
        ctx.given = layer, call, keep, count, len(statistics), [one.shape for one in tensors[count:]]
        held = tensors[count:] if layer.writing.lora else ()
        ctx.counts = len(inners), len(held)
        ctx.save_for_backward(middle, *statistics, *tensors[:count], *inners, *held, *(wide if keep else ()))
        return middle + narrowed

    @staticmethod
    def backward(ctx: Any, outer: Any) -> Any:
        layer, call, keep, count, statistics_count, shapes = ctx.given
        middle, *kept = ctx.saved_tensors
        take = lambda number: [kept.pop(0) for _ in range(number)]  # noqa: E731 - in the order of saving
        statistics, tensors = take(statistics_count), take(count)
        inners, held = take(ctx.counts[0]), take(ctx.counts[1])
        weights = _Weights((layer.writing, *layer.widening, layer.narrowing), tensors)
        normed = None
        if not keep or any(one.lora for one in layer.widening):
            normed = layer.norms[1].forward(middle)[0].to(call.dtype)
        wide = kept
        if not keep:
            wide = [one.forward(normed, weights.of[one.number], call.seed)[0] for one in layer.widening]
        inputs = (_rows_of(held) if held else None, normed, _activate(wide) if layer.narrowing.lora else None)
        back = _Backward(call, weights, inners)
        g = back.through((layer.narrowing,), [outer.to(call.dtype)], inputs[2])
        g = back.through(layer.widening, _activate_backward(g, wide), inputs[1], reverse=True)
        stream = layer.norms[1].backward(g.to(middle.dtype), middle, statistics).add_(outer)
        g = back.through((layer.writing,), [stream.to(call.dtype)], inputs[0])
        return None, None, None, stream, *weights.flat(), *_apart(g, shapes)


@dataclass(eq=False)
class _Backward:
    """Goes back through projections, the last first, taking the kept images under A from the end of `inners`."""

    call: Call
    weights: _Weights
    inners: list[Any]

    def through(self, projections: Sequence[Projection], outer: Sequence[Any], x: Any, *, reverse: bool = False) -> Any:
        back = None
        pairs = list(zip(projections, outer, strict=True))
        for one, g in reversed(pairs) if reverse else pairs:
            if one.lora is not None:
                *both, sent = one.backward(g, x, self.weights.of[one.number], self.inners.pop(), self.call.seed)
                self.weights.gradients[one.number] = (both[0], both[1])
                back = sent if back is None else back.add_(sent)
            back = one.input_gradient(g, back)
        return back


def _beside(parts: Sequence[Any]) -> Any:
    """Return pieces [kv heads, heads of each, tokens, d] one after the other, as [T, kv heads, heads of each, d]."""
    turned = [part.permute(2, 0, 1, 3) for part in parts]
    return torch.cat(turned) if len(turned) > 1 else turned[0].contiguous()


def _rows_of(parts: Sequence[Any]) -> Any:
    """Return what attention returned as rows [T, D]; chosen rows are that already."""
    return parts[0] if parts[0].ndim == 2 else _beside(parts).flatten(1)  # noqa: PLR2004


def _apart(g: Any, shapes: Sequence[Any]) -> list[Any]:
    """Cut rows [T, D] into pieces of these shapes: the way back of `_rows_of`."""
    if len(shapes[0]) == 2:  # noqa: PLR2004
        return [g]
    shared, each, _, size = shapes[0]
    parts = g.view(-1, shared, each, size).split([shape[2] for shape in shapes])
    return [part.permute(1, 2, 0, 3) for part in parts]


def _activate(wide: Sequence[Any]) -> Any:
    functional = torch.nn.functional
    if len(wide) == 1:
        return functional.gelu(wide[0], approximate="tanh")
    return functional.silu(wide[0]).mul_(wide[1])


def _activate_backward(g: Any, wide: Sequence[Any]) -> list[Any]:
    if len(wide) == 1:
        return [torch.ops.aten.gelu_backward(g, wide[0], approximate="tanh")]
    gate, up = wide
    return [torch.ops.aten.silu_backward(g * up, gate), g.mul_(torch.nn.functional.silu(gate))]


def run_layer(layer: Layer, call: Call, keep: Keep, x: Any, *tensors: Any) -> Any:
    """Return the stream [T, D] behind a block, or its `keep.rows` alone; `tensors` are A and B of its projections.

    Attention itself is torch's, and keeps what torch keeps: queries, keys, values, its output.
    """
    if not keep.attention and torch.is_grad_enabled():
        inside = replace(keep, attention=True)
        return _Again.apply(lambda *given: run_layer(layer, call, inside, *given), x, *tensors)
    count = 2 * sum(one.lora is not None for one in layer.reading)
    parts = _BeforeAttention.apply(layer, call, keep.pieces, x, *tensors[:count])
    attended = [
        attend(piece, parts[3 * number : 3 * number + 3], layer.scaling) for number, piece in enumerate(keep.pieces)
    ]
    if keep.rows is not None:
        x, attended = (one.index_select(0, keep.rows) for one in (x, _rows_of(attended)))
        attended = [attended]
    return _AfterAttention.apply(layer, call, keep.mlp, x, *tensors[count:], *attended)


class _Again(torch.autograd.Function):
    """A function that is run again in the backward pass; it draws its random numbers from seeds, so nothing differs."""

    @staticmethod
    def forward(ctx: Any, function: Any, *tensors: Any) -> Any:
        ctx.function = function
        ctx.save_for_backward(*tensors)
        return function(*tensors)

    @staticmethod
    def backward(ctx: Any, outer: Any) -> Any:
        wanted = ctx.needs_input_grad[1:]
        given = [one.detach().requires_grad_(need) for one, need in zip(ctx.saved_tensors, wanted, strict=True)]
        with torch.enable_grad():
            result = ctx.function(*given)
        found = iter(torch.autograd.grad(result, [one for one in given if one.requires_grad], outer))
        return None, *(next(found) if need else None for need in wanted)

"""The FastConformer encoder of a Parakeet checkpoint with fewer and larger operations.

The same function of the same weights as transformers' ``ParakeetEncoder`` with its CTC head, for
inference: rows and steps are one axis wherever they can be, queries, keys and values are one
product, all layers' positions another, constant factors are part of the weights. What a small model
costs is the number of its operations, and what a long window costs is its copies.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

HIDDEN = -1e9
"""Added to the attention that a step behind a row's end would get."""


class FastConformer(nn.Module):
    """Features to tokens.

    Args:
        model: a ``ParakeetForCTC``; it is left as it is.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        encoder = model.encoder
        self.subsampling = _Subsampling(encoder.subsampling, encoder.input_scale)
        self.layers = nn.ModuleList([_Layer(each) for each in encoder.layers])
        self.heads = model.config.encoder_config.num_attention_heads
        self.frequencies = nn.Buffer(encoder.encode_positions.inv_freq.clone())
        self.positions = nn.Buffer(
            torch.cat([each.self_attn.relative_k_proj.weight.detach() for each in encoder.layers])
        )
        self.stride = math.prod(stride for _, stride, _ in self.subsampling.along)
        """Frames from one step to the next."""
        self.head = _linear(model.ctc_head.weight[:, :, 0], model.ctc_head.bias)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """FP32 [rows, frames, bins], INT [rows] -> logits [rows, steps, tokens], steps [rows]."""
        here, counts = self.subsampling(features, lengths)
        rows, steps, _ = here.shape
        there = torch.arange(steps, device=here.device)[None] < counts[:, None]
        kept = there.reshape(-1, 1).to(here.dtype)
        hidden = torch.where(there, 0.0, HIDDEN)[:, None, None]
        here = here.reshape(rows * steps, -1)
        for layer, positions in zip(self.layers, self._positions(steps), strict=True):
            here = layer(here, positions, hidden, kept)
        return self.head(here).view(rows, steps, -1), counts

    def _positions(self, steps: int) -> tuple[Tensor, ...]:
        """Each layer's projected positions, [heads, units, 2 steps], the farthest ahead first."""
        distance = torch.arange(steps, -steps, -1, device=self.frequencies.device)
        angle = distance[:, None].to(self.frequencies.dtype) * self.frequencies
        embedded = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
        projected = embedded @ self.positions.T
        by_head = projected.view(2 * steps, len(self.layers) * self.heads, -1).permute(1, 2, 0)
        each: tuple[Tensor, ...] = by_head.split(self.heads)
        return each


class _Subsampling(nn.Module):
    """An eighth of the frames; after every level, frames behind a row's own are zero."""

    def __init__(self, original: Any, scale: float) -> None:
        super().__init__()
        convolutions = [each for each in original.layers if isinstance(each, nn.Conv2d)]
        first, pairs = convolutions[0], convolutions[1:]
        self.along = [_along(first), *(_along(each) for each in pairs[::2])]
        self.levels = nn.ModuleList(
            [
                nn.Sequential(first, nn.ReLU()),
                *(nn.Sequential(*pairs[at : at + 2], nn.ReLU()) for at in range(0, len(pairs), 2)),
            ]
        )
        self.linear = _linear(original.linear.weight * scale, original.linear.bias * scale)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        here = features[:, None]
        for level, (kernel, stride, padding) in zip(self.levels, self.along, strict=True):
            here = level(here)
            # Nothing below zero is divided, so truncation is enough.
            added = 2 * padding - kernel + stride
            lengths = torch.div(lengths + added, stride, rounding_mode="trunc")
            there = torch.arange(here.shape[2], device=here.device)[None] < lengths[:, None]
            here = here * there[:, None, :, None].to(here.dtype)
        return self.linear(here.transpose(1, 2).flatten(2)), lengths


def _along(convolution: nn.Conv2d) -> tuple[int, int, int]:
    """Kernel, stride and padding along the frames."""
    assert not isinstance(convolution.padding, str)
    return convolution.kernel_size[0], convolution.stride[0], convolution.padding[0]


class _Layer(nn.Module):
    """One block; everything is [rows * steps, units] but what looks at other steps."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        attention, convolution = block.self_attn, block.conv
        self.units = attention.head_dim
        # Several heads may share keys and values (Ainslie et al., GQA, 2023).
        self.shared = attention.num_key_value_groups
        self.before = _feed_forward(block.norm_feed_forward1, block.feed_forward1)
        self.norm_attention = block.norm_self_att
        scale = attention.scaling
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        factors = (scale, 1.0, 1.0)
        self.projected = _linear(
            torch.cat([part.weight * by for part, by in zip(parts, factors, strict=True)]),
            torch.cat([part.bias * by for part, by in zip(parts, factors, strict=True)])
            if parts[0].bias is not None
            else None,
        )
        self.content = nn.Buffer((attention.bias_u * scale).detach()[:, None])
        self.place = nn.Buffer((attention.bias_v * scale).detach()[:, None])
        self.attended = attention.o_proj
        self.norm_convolution = block.norm_conv
        first, last = convolution.pointwise_conv1, convolution.pointwise_conv2
        self.widened = _linear(first.weight[:, :, 0], first.bias)
        self.depthwise = _as_two_dimensional(
            fuse_conv_bn_eval(convolution.depthwise_conv, convolution.norm)
        )
        self.activation = convolution.activation
        self.narrowed = _linear(last.weight[:, :, 0], last.bias)
        self.after = _feed_forward(block.norm_feed_forward2, block.feed_forward2)
        self.norm = block.norm_out

    def forward(self, here: Tensor, positions: Tensor, hidden: Tensor, kept: Tensor) -> Tensor:
        here = here + self.before(here)
        here = here + self._attention(self.norm_attention(here), positions, hidden)
        here = here + self._convolution(self.norm_convolution(here), kept, hidden)
        here = here + self.after(here)
        normed: Tensor = self.norm(here)
        return normed

    def _attention(self, here: Tensor, positions: Tensor, hidden: Tensor) -> Tensor:
        rows, steps, heads = hidden.shape[0], hidden.shape[3], positions.shape[0]
        keys = heads // self.shared
        split = self.projected(here).view(rows, steps, heads + 2 * keys, self.units)
        query, key, value = split.transpose(1, 2).split([heads, keys, keys], 1)
        if self.shared > 1:
            key, value = (each.repeat_interleave(self.shared, 1) for each in (key, value))
        near = (query + self.content) @ key.transpose(2, 3)
        # Row i wants the distances i .. i - steps + 1, which are i columns further left in it: with
        # a column more than distances, and read as rows of one fewer, they lie in one column. That
        # column, the first, is never read itself (Dai et al., Transformer-XL, appendix B).
        far = ((query + self.place) @ positions).flatten(2)[..., steps:]
        far = far.view(rows, heads, steps, 2 * steps - 1)[..., :steps]
        weights = torch.softmax(near + far + hidden, -1)
        together = (weights @ value).transpose(1, 2).reshape(rows * steps, heads * self.units)
        attended: Tensor = self.attended(together)
        return attended

    def _convolution(self, here: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        rows, steps = hidden.shape[0], hidden.shape[3]
        gated = nn.functional.glu(self.widened(here), dim=1) * kept
        image = gated.view(rows, steps, -1).transpose(1, 2).contiguous()[:, :, None]
        convolved = self.depthwise(image)[:, :, 0].transpose(1, 2).reshape(rows * steps, -1)
        narrowed: Tensor = self.narrowed(self.activation(convolved))
        return narrowed


def _feed_forward(norm: nn.Module, original: Any) -> nn.Sequential:
    """Half of a feed-forward part, as a Conformer adds it."""
    last = original.linear2
    half = _linear(0.5 * last.weight, None if last.bias is None else 0.5 * last.bias)
    return nn.Sequential(norm, original.linear1, original.activation, half)


def _as_two_dimensional(original: nn.Conv1d) -> nn.Conv2d:
    """The convolution along the last axis of [rows, channels, 1, steps].

    ONNX Runtime has fast depthwise kernels for images only.
    """
    assert not isinstance(original.padding, str) and original.bias is not None
    (kernel,), (padding,) = original.kernel_size, original.padding
    channels = original.out_channels
    made = nn.Conv2d(channels, channels, (1, kernel), padding=(0, padding), groups=channels)
    made.weight = nn.Parameter(original.weight.detach()[:, :, None], requires_grad=False)
    made.bias = nn.Parameter(original.bias.detach(), requires_grad=False)
    return made


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    made.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return made

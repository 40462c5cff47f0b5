"""What one iteration costs, from counts alone: tokens, FLOPs, memory, bytes, seconds. Arithmetic; reads nothing.

FLOPs: a token takes 2 in the forward pass for each weight that it is multiplied with, and 4 in each layer for each
number of each key that it attends to, one product with the key and one with the value (Kaplan et al. 2020, section 2.1,
https://arxiv.org/abs/2001.08361, which counts the first of the two). Backward through a frozen base takes as much
again, for activations alone; an adapter's own weights take 6. So training is 4 for each weight and token, not 6.
"""

from __future__ import annotations

from dataclasses import dataclass

BF16, FP32 = 2, 4
"""Bytes of a number."""
ADAMW = 4 * FP32
"""Bytes of a learned weight: itself, its gradient and two moments."""
ACTIVATIONS = 34
"""Bytes of activations that training keeps for each token, layer and number of the residual stream, in 16 bits, without
attention's own (Korthikanti et al. 2022, equation 1, https://arxiv.org/abs/2205.05198)."""


@dataclass(frozen=True)
class Shape:
    """A transformer with a gated feed-forward layer, as Llama's.

    Attributes:
        parameters: all of them; by default what the other fields come to.
        width: bytes of a weight.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int
    head_dim: int = 0
    tied: bool = False
    width: int = BF16
    parameters: float = 0

    @property
    def attention(self) -> int:
        """Numbers of all queries of a token in one layer."""
        return self.heads * (self.head_dim or self.hidden // self.heads)

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Inputs and outputs of the linear layers of a block."""
        kv = self.kv_heads * (self.head_dim or self.hidden // self.heads)
        mixing = [(self.hidden, self.attention), (self.hidden, kv), (self.hidden, kv), (self.attention, self.hidden)]
        return mixing + [(self.hidden, self.intermediate)] * 2 + [(self.intermediate, self.hidden)]

    @property
    def body(self) -> float:
        """Weights that every token is multiplied with, the output layer aside."""
        counted = float(self.layers * sum(rows * columns for rows, columns in self.matrices))
        return self.parameters - (1 if self.tied else 2) * self.head if self.parameters else counted

    @property
    def head(self) -> int:
        """Weights of the output layer."""
        return self.vocabulary * self.hidden

    @property
    def weight_bytes(self) -> float:
        return self.width * (self.body + (1 if self.tied else 2) * self.head)

    @property
    def kv_bytes(self) -> int:
        """Of one token, over all layers."""
        return 2 * self.layers * self.kv_heads * (self.head_dim or self.hidden // self.heads) * self.width

    def adapter(self, rank: int) -> int:
        """Weights of a LoRA adapter on all linear layers."""
        return self.layers * sum(rank * (rows + columns) for rows, columns in self.matrices)

    def forward(self, tokens: float, attended: float, predicted: float) -> float:
        """FLOPs of `tokens`, each of which attends to `attended` on average; of `predicted` the logits are computed."""
        return 2 * self.body * tokens + 4 * self.layers * self.attention * attended * tokens + 2 * self.head * predicted


@dataclass(frozen=True)
class Texts:
    """Mean tokens: those that all prompts of a stage begin with, the others of a prompt, and of a completion."""

    shared: float
    own: float
    completion: float

    def mixed(self, others: Texts, share: float) -> Texts:
        """These, and a `share` of `others`, which are completed alike."""
        shared = min(self.shared, others.shared)
        own, other = (texts.shared + texts.own - shared for texts in (self, others))
        return Texts(shared, (1 - share) * own + share * other, self.completion)


@dataclass(frozen=True)
class Sampling:
    """One stage that samples: `prompts`, `samples` of each, in `calls` of the engine, which each read what is shared.

    The prompt of several samples is read once.
    """

    texts: Texts
    prompts: float
    samples: int
    calls: int

    @property
    def attempts(self) -> float:
        return self.prompts * self.samples

    @property
    def read(self) -> float:
        """Tokens of prompts that go through the model."""
        return self.prompts * self.texts.own + self.calls * self.texts.shared

    @property
    def written(self) -> float:
        """Tokens that are sampled."""
        return self.attempts * self.texts.completion

    @property
    def context(self) -> float:
        """Tokens that a sampled one attends to, on average."""
        return self.texts.shared + self.texts.own + self.texts.completion / 2

    def prefill(self, shape: Shape) -> float:
        """FLOPs."""
        own = shape.forward(self.prompts * self.texts.own, self.texts.shared + self.texts.own / 2, self.prompts)
        return own + shape.forward(self.calls * self.texts.shared, self.texts.shared / 2, 0)

    def decode(self, shape: Shape) -> float:
        """FLOPs. The first token of each completion comes from the prompt."""
        tokens = max(0.0, self.written - self.attempts)
        return shape.forward(tokens, self.context, tokens)


@dataclass(frozen=True)
class FineTuning:
    """`seen` examples, one counted as often as a step learns it, of so many tokens, in steps of `batch` examples."""

    seen: float
    prompt: float
    target: float
    batch: int

    @property
    def length(self) -> float:
        """Tokens of an example."""
        return self.prompt + self.target

    @property
    def tokens(self) -> float:
        return self.seen * self.length

    def at_once(self, most: float) -> float:
        """Tokens in one forward pass of at most so many, unless an example is longer."""
        return max(self.length, min(most, self.batch * self.length))

    def flops(self, shape: Shape, rank: int) -> float:
        """Forward and backward, and 6 for each weight of the adapter."""
        forward = shape.forward(self.tokens, self.length / 2, self.seen * self.target)
        return 2 * forward + 6 * shape.adapter(rank) * self.tokens


@dataclass(frozen=True)
class Scoring:
    """`texts` whose likelihood is asked for: a prompt and a target of so many tokens each, no prompt shared."""

    texts: float
    prompt: float
    target: float

    @property
    def tokens(self) -> float:
        return self.texts * (self.prompt + self.target)

    def flops(self, shape: Shape) -> float:
        """Forward alone."""
        return shape.forward(self.tokens, (self.prompt + self.target) / 2, self.texts * self.target)


@dataclass(frozen=True)
class Device:
    """What computes.

    Attributes:
        flops: of matrix products, a second.
        bandwidth: bytes of memory, a second; `None` where `decode_flops` was measured instead.
        memory: bytes.
        prefill_share, train_share: of `flops` that those reach.
        decode_share: of `bandwidth` that decoding reaches.
        decode_flops: a second, measured, at the batch size of the recipe.
        loading: bytes of weights, a second, from disk to where they compute: 1 GB where nobody measured it.
    """

    name: str
    flops: float
    bandwidth: float | None
    memory: float
    prefill_share: float = 0.4
    train_share: float = 0.4
    decode_share: float = 0.55
    decode_flops: float = 0.0
    loading: float = 1e9
    source: str = ""


GPUS = {
    "a100": Device("A100 80GB SXM", 312e12, 2.039e12, 80e9, source="https://www.nvidia.com/en-us/data-center/a100/"),
    "h100": Device("H100 SXM", 989e12, 3.35e12, 80e9, source="https://www.nvidia.com/en-us/data-center/h100/"),
    "h200": Device("H200 SXM", 989e12, 4.8e12, 141e9, source="https://www.nvidia.com/en-us/data-center/h200/"),
}
"""Published peaks of dense bfloat16 products, and of memory. What is reached of them: of products 40% (PaLM was trained
at 46%: Chowdhery et al. 2022, table 3, https://arxiv.org/abs/2204.02311), in decoding 55% of bandwidth (Databricks
2023, https://www.databricks.com/blog/llm-inference-performance-engineering-best-practices)."""


def decode_seconds(stage: Sampling, shape: Shape, device: Device, batch: float) -> tuple[float, str]:
    """Seconds of decoding on one device, `batch` sequences at a time, and what bounds them.

    A step reads all weights once, and the keys and values of every sequence, of what is shared once.
    """
    if device.bandwidth is None:
        return stage.decode(shape) / device.decode_flops, "compute"
    steps = max(0.0, stage.written - stage.attempts) / batch
    moved = shape.weight_bytes + shape.kv_bytes * (batch * (stage.context - stage.texts.shared) + stage.texts.shared)
    by_memory = steps * moved / (device.bandwidth * device.decode_share)
    by_compute = stage.decode(shape) / (device.flops * device.prefill_share)
    return max((by_memory, "memory bandwidth"), (by_compute, "compute"))


def sequences_that_fit(shape: Shape, device: Device, texts: Texts, wanted: float) -> float:
    """Sequences decoded together: those `wanted`, or what half of the memory beside the weights holds."""
    each = shape.kv_bytes * (texts.own + texts.completion)
    room = 0.5 * (device.memory - shape.weight_bytes - shape.kv_bytes * texts.shared)
    return max(1.0, min(wanted, room // each))


def activation_bytes(shape: Shape, tokens: float) -> float:
    """Kept for the backward pass of a micro-batch of so many tokens."""
    return ACTIVATIONS / BF16 * shape.width * shape.layers * shape.hidden * tokens

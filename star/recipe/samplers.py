"""What a recipe may say about the engine that samples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from star.recipe.base import Count, NonEmpty, Seconds, Section, refuse
from star.secrets import SECRET_NAME


class OpenAIServers(Section):
    """Servers that speak the OpenAI API, with `sampler.kind: openai`. See docs/engines.md."""

    urls: Annotated[list[Annotated[str, Field(pattern=r"^https?://[^\s/]+")]], Field(min_length=1)]
    """Where they are, with the `/v1`: `[http://gpu1:8000/v1, http://gpu2:8000/v1]`. All must serve the same model."""
    model: NonEmpty | None = None
    """What they call the base model; by default as the recipe does (`model.path`)."""
    api: Literal["completions", "chat"] = "completions"
    """`completions` sends the tokens of a prompt, the same as in training. `chat` sends its turns, for servers that
    have nothing else: the server puts its own chat template around them (needs `prompt.chat: true`)."""
    as_text: bool = False
    """With `api: completions`: send prompts as text, for servers that take no tokens."""
    adapters: Literal["vllm", "none"] = "vllm"
    """How each iteration's adapter gets to the servers. `vllm`: through vLLM's route for LoRA adapters; the run
    directory must have the same path there. `none`: not at all: only the base model can be scored (`iterations: 0`)."""
    api_key_env: NonEmpty | None = None
    """Environment variable that holds the API key, as `OPENAI_API_KEY`; no key is sent by default."""
    concurrency: Count = 64
    """Requests under way at once, over all servers; of each process, where a run has several."""
    timeout: Seconds = 600.0
    """Seconds that one answer may take."""
    patience: Seconds = 900.0
    """Seconds that a request is tried again while servers are gone, busy or failing, before the run ends."""

    @field_validator("api_key_env")
    @classmethod
    def _is_hidden(cls, name: str | None) -> str | None:
        if name is not None and not SECRET_NAME.search(name):
            raise ValueError(
                "expected a name such as MY_API_KEY or MY_TOKEN: the values of those are hidden everywhere"
            )
        return name

    @model_validator(mode="after")
    def _text_is_no_chat(self) -> OpenAIServers:
        refuse(("as_text belongs to api: completions", self.as_text and self.api == "chat"))
        return self


class VllmEngine(Section):
    """vLLM in a process of ours, with `sampler.kind: vllm`. See docs/engines.md."""

    python: NonEmpty | None = None
    """The interpreter of an environment that has vLLM; by default the one that runs this."""
    tensor_parallel_size: Count = 1
    """GPUs that each layer is split over."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of a GPU's memory that vLLM takes; it is given back before training."""
    max_model_len: Count | None = None
    """Longest sequence, in tokens; by default the model's context."""
    enforce_eager: bool = False
    """Start sooner and sample slower: no CUDA graphs, no compilation."""


class SamplerSettings(Section):
    """The engine that samples, and how much it takes at once."""

    kind: Literal["local", "generate", "openai", "vllm"] = "local"
    """`local`: our own engine, in this process. `generate`: transformers' `generate`, for comparison. `openai`: servers
    that speak the OpenAI API. `vllm`: vLLM, in a process of ours. See docs/engines.md."""
    batch_size: Count = 64
    """Sequences decoded together, at most (`openai`: see `concurrency`)."""
    max_tokens_in_flight: Count | Literal["auto"] = "auto"
    """Tokens whose keys and values are kept at once, at most, a shared prefix not counted; long prompts are decoded
    fewer together. `auto`: what half of the free memory holds, when the run begins. For `local` and `generate`."""
    wave: Count = 512
    """Prompts sampled before results are saved: what a crash can cost."""
    openai: OpenAIServers | None = None
    """Where the servers are, and how to ask them."""
    vllm: VllmEngine | None = None
    """How vLLM is started."""

    @model_validator(mode="after")
    def _fits_the_kind(self) -> SamplerSettings:
        refuse(
            ("kind: openai needs openai.urls", self.kind == "openai" and self.openai is None),
            ("openai belongs to kind: openai", self.kind != "openai" and self.openai is not None),
            ("vllm belongs to kind: vllm", self.kind != "vllm" and self.vllm is not None),
        )
        return self

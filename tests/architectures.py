"""One of each make of model that is out there, tiny and with random weights."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

SERVED = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 16},
    "gemma": {"head_dim": 16},
    "gemma2": {"head_dim": 16, "sliding_window": 8, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 16},
    "gemma3_text": {"head_dim": 16, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
    "mistral": {"sliding_window": 8},
    "mixtral": {"num_local_experts": 4},
    "phi": {"num_key_value_heads": 4},
    "phi3": {"sliding_window": 12, "pad_token_id": 0},
    "gpt2": {"n_inner": 96},
    "gptj": {"rotary_dim": 8},
    "gpt_neox": {},
    "smollm3": {"no_rope_layers": [1, 0], "pad_token_id": 0},
    "olmo2": {},
    "starcoder2": {},
    "granite": {"attention_multiplier": 0.1, "logits_scaling": 3.0},
}
"""What our engine and packed training serve, with what is special to each."""
SPECIAL = {
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"], "num_experts": 4, "num_experts_per_tok": 2},
    "qwen2_moe": {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 2, "num_experts": 4},
}
NOT_SERVED = {
    "bloom": "takes no position ids",
    "mamba": "takes no position ids",
    "gpt_oss": "s_aux",
    "qwen3_next": "cache has",
    "qwen2_moe": "window that its attention is not told of",
}
"""What they do not, and what they say about it."""


def random_model(model_type, vocab_size):
    """A model of two layers with random weights."""
    torch.manual_seed(7)
    size = {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": 1,
    }
    config = AutoConfig.for_model(model_type)
    named = {name: value for name, value in size.items() if hasattr(config, name)}
    config = AutoConfig.for_model(
        model_type, **{**named, "vocab_size": vocab_size, **(SERVED | SPECIAL).get(model_type, {})}
    )
    return AutoModelForCausalLM.from_config(config).eval()

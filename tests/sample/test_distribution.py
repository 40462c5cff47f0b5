"""What the engine samples follows the distribution that transformers' own sampling rules give."""

import math
from collections import Counter
from itertools import product

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from star.models import Checkpoint
from star.recipe import Decoding, Model, SamplerSettings
from star.records import Prompt
from star.sample import LocalSampler

TOKENS = ["<pad>", "<eos>", "<unk>", *"abcde"]
EOS = TOKENS.index("<eos>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random model of eight tokens, whose next token depends on those before it."""
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    torch.manual_seed(11)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(
        **size, vocab_size=len(TOKENS), max_position_embeddings=64, initializer_range=0.4, eos_token_id=EOS
    )
    out = tmp_path_factory.mktemp("eight-tokens")
    LlamaForCausalLM(config).save_pretrained(out)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    ).save_pretrained(out)
    return out


def expected(folder, prompt, decoding):
    """The probability of each completion of two tokens, by transformers' model and its logits processors."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    warpers = [TemperatureLogitsWarper(decoding.temperature)]
    warpers += [TopKLogitsWarper(decoding.top_k)] if decoding.top_k else []
    warpers += [TopPLogitsWarper(decoding.top_p)] if decoding.top_p < 1 else []

    @torch.no_grad()
    def following(ids):
        scores = model(torch.tensor([ids])).logits[:, -1]
        for warper in warpers:
            scores = warper(None, scores)
        return scores.softmax(-1)[0].tolist()

    ids = [TOKENS.index(character) for character in prompt]
    first, found = following(ids), Counter()
    second = [following([*ids, token]) for token in range(len(TOKENS))]
    for one, two in product(range(len(TOKENS)), repeat=2):
        if one == EOS:
            found["", "eos"] += first[EOS] * second[EOS][two]
        else:
            text = "".join(TOKENS[token] for token in (one, two) if len(TOKENS[token]) == 1)
            found[text, "eos" if two == EOS else "length"] += first[one] * second[one][two]
    return found


def deviation(observed, wanted, count):
    """Pearson's chi-square statistic as a standard normal deviate (Wilson and Hilferty 1931), rare outcomes as one."""
    common = {key for key, share in wanted.items() if share * count >= 5}
    pairs = [(observed[key], wanted[key] * count) for key in common]
    rest = count - sum(expectation for _, expectation in pairs)
    if rest >= 5:
        pairs.append((count - sum(seen for seen, _ in pairs), rest))
    statistic = sum((seen - expectation) ** 2 / expectation for seen, expectation in pairs)
    spread = 2 / (9 * (len(pairs) - 1))
    return ((statistic / (len(pairs) - 1)) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)


@pytest.mark.parametrize("kind", ["local", "generate"])
@pytest.mark.parametrize(("temperature", "top_p", "top_k"), [(1.0, 1.0, 0), (0.7, 0.9, 0), (1.3, 0.95, 5)])
def test_a_chi_square_test_finds_no_difference(folder, kind, temperature, top_p, top_k):
    count, prompt = 6000, "abcab" * 4
    decoding = Decoding(temperature=temperature, top_p=top_p, top_k=top_k, samples=count, max_new_tokens=2)
    model = Model(path=str(folder), dtype="float32", device="cpu")
    sampler = LocalSampler(model, SamplerSettings(kind=kind, batch_size=700), Checkpoint(str(folder)), False, 10**6)
    completions = sampler.sample([Prompt("p", prompt)], decoding, seed=0)
    observed = Counter((completion.text, completion.finish_reason) for completion in completions)
    wanted = expected(folder, prompt, decoding)
    assert sum(wanted[key] == 0 for key in observed) == 0  # nothing that the nucleus leaves out
    assert deviation(observed, wanted, count) < 4  # chance alone: 3 times in 100,000
    shifted = Counter({key: share * (1.2 if key[0][:1] in "ab" else 0.9) for key, share in wanted.items()})
    total = sum(shifted.values())
    assert deviation(observed, Counter({k: s / total for k, s in shifted.items()}), count) > 4  # it would find one

"""The sampling engine against plain `generate`, and against itself in other company."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from star.errors import UserError
from star.models import Checkpoint
from star.recipe import Decoding, Model, SamplerSettings
from star.records import Prompt
from star.sample import LocalSampler
from star.sample.local import common_prefix

QUESTIONS = ["Q: What is 12 + 34?\nA:", "Q: 5?\nA:", "Tom has three apples", "é ü 漢字", "Q: What is 7 + 1?\nA:", "the"]
SHARED = "Q: What is 1 + 1?\nA: 1 + 1 = 2.\n#### 2\n\n"


def sampler_for(folder, batch_size=4):
    model = Model(path=str(folder), dtype="float32", device="cpu")
    return LocalSampler(model, SamplerSettings(batch_size=batch_size), Checkpoint(str(folder)), False, 100_000)


def prompts_for(texts):
    return [Prompt(f"p{i}", text) for i, text in enumerate(texts)]


def texts(completions):
    return [completion.text for completion in completions]


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral"])
@pytest.mark.parametrize("prefix", ["", SHARED], ids=["no shared prefix", "shared prefix"])
def test_greedy_text_is_that_of_generate_whatever_the_batch(random_models, name, prefix):
    sampler = sampler_for(random_models[name])
    prompts = prompts_for([prefix + question for question in QUESTIONS])
    together = sampler.sample(prompts, Decoding(max_new_tokens=24), seed=0)
    alone = [sampler.sample([prompt], Decoding(max_new_tokens=24), seed=0)[0] for prompt in prompts]
    model = AutoModelForCausalLM.from_pretrained(random_models[name], dtype=torch.float32)
    expected = []
    for prompt in prompts:
        ids = torch.tensor([sampler.tokenizer(prompt.text)["input_ids"]])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0
        )
        expected.append(sampler.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    assert texts(together) == texts(alone) == expected


def test_sampled_text_depends_on_its_own_seed_alone(random_models):
    prompts = prompts_for(QUESTIONS)
    decoding = Decoding(temperature=1.0, top_p=0.95, samples=3, max_new_tokens=16)
    many = sampler_for(random_models["llama"], batch_size=7).sample(prompts, decoding, seed=5)
    few = sampler_for(random_models["llama"], batch_size=2).sample(prompts[3:4], decoding, seed=5)
    assert texts(many)[9:12] == texts(few)
    assert len(set(texts(many))) > len(prompts)
    other = sampler_for(random_models["llama"]).sample(prompts, decoding, seed=6)
    assert texts(other) != texts(many)


def test_a_sampler_that_gave_its_memory_back_goes_on_with_the_same_weights(random_models):
    sampler, prompts = sampler_for(random_models["llama"]), prompts_for(QUESTIONS)
    sampler.use(None, "base")
    before = sampler.sample(prompts, Decoding(max_new_tokens=8), seed=0)
    sampler.release()
    assert sampler.model is None
    sampler.use(None, "base")
    assert sampler.sample(prompts, Decoding(max_new_tokens=8), seed=0) == before


def test_completions_come_in_the_order_of_the_prompts_with_their_sample_index(random_models):
    decoding = Decoding(temperature=1.0, samples=2, max_new_tokens=3)
    completions = sampler_for(random_models["llama"]).sample(prompts_for(QUESTIONS), decoding, seed=0)
    assert [(c.problem_id, c.sample_index) for c in completions] == [(f"p{i}", k) for i in range(6) for k in range(2)]
    assert {c.model for c in completions} == {"base"}


@pytest.mark.parametrize("start", [0, 1, 5, 11])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_stop_string_cuts_exactly_also_across_token_borders(random_models, start, length):
    sampler = sampler_for(random_models["llama"])
    prompts = prompts_for(QUESTIONS[:3])
    free = sampler.sample(prompts, Decoding(max_new_tokens=24), seed=0)
    stop = free[0].text[start : start + length]
    assert len(stop) == length
    for before, after in zip(
        free, sampler.sample(prompts, Decoding(max_new_tokens=24, stop=[stop]), seed=0), strict=True
    ):
        if stop in before.text:
            assert after.text == before.text[: before.text.index(stop)]
            assert after.finish_reason == "stop"
            assert after.num_tokens <= before.num_tokens
        else:
            assert (after.text, after.finish_reason) == (before.text, before.finish_reason)


def test_a_stop_string_that_is_a_special_token_ends_a_completion(random_models, tmp_path, bpe_tokenizer):
    free = sampler_for(random_models["llama"]).sample(prompts_for(QUESTIONS[:1]), Decoding(max_new_tokens=9), seed=0)
    ids = bpe_tokenizer(free[0].text, add_special_tokens=False)["input_ids"]
    word = bpe_tokenizer.convert_ids_to_tokens(ids)[2]
    sampler = sampler_for(random_models["llama"])
    sampler.tokenizer.add_special_tokens({"additional_special_tokens": [word]})
    stopped = sampler.sample(prompts_for(QUESTIONS[:1]), Decoding(max_new_tokens=9, stop=[word]), seed=0)[0]
    assert (stopped.finish_reason, stopped.num_tokens) == ("stop", 3)
    assert stopped.text == bpe_tokenizer.decode(ids[:2])


def test_merging_an_adapter_in_bfloat16_rounds_once(random_models, tmp_path):
    from peft import LoraConfig, get_peft_model

    from star.models import merge_adapter

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(random_models["llama"], dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(base, config).save_pretrained(tmp_path)
    checkpoint = Checkpoint(str(random_models["llama"]))
    exact, rounded = (
        merge_adapter(checkpoint, tmp_path, d, torch.device("cpu")) for d in (torch.float32, torch.bfloat16)
    )
    for name, tensor in exact.state_dict().items():
        assert torch.equal(tensor.to(torch.bfloat16), rounded.state_dict()[name]), name


def test_the_end_token_ends_a_completion_and_is_counted(random_models, tmp_path, bpe_tokenizer):
    model = AutoModelForCausalLM.from_pretrained(random_models["llama"])
    free = sampler_for(random_models["llama"]).sample(prompts_for(QUESTIONS[:1]), Decoding(max_new_tokens=9), seed=0)
    ids = bpe_tokenizer(free[0].text, add_special_tokens=False)["input_ids"]
    assert free[0].finish_reason == "length"
    assert free[0].num_tokens == 9
    model.generation_config.eos_token_id = [ids[0]]  # a second end token, as chat models have
    model.save_pretrained(tmp_path)
    bpe_tokenizer.save_pretrained(tmp_path)
    ended = sampler_for(tmp_path).sample(prompts_for(QUESTIONS[:1]), Decoding(max_new_tokens=9), seed=0)[0]
    assert (ended.text, ended.finish_reason, ended.num_tokens) == ("", "eos", 1)


def test_a_prompt_that_cannot_fit_is_an_error_that_names_its_problem(random_models):
    prompts = [*prompts_for(QUESTIONS), Prompt("long one", "apple " * 300)]
    with pytest.raises(UserError, match=r"1 prompts do not fit the context of 256 tokens.*long one.*max_new_tokens"):
        sampler_for(random_models["llama"]).sample(prompts, Decoding(max_new_tokens=8), seed=0)


def test_an_adapter_changes_the_text_as_peft_would_and_the_base_stays(random_models, tmp_path):
    from peft import LoraConfig, PeftModel, get_peft_model

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(random_models["llama"], dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(base, config).save_pretrained(tmp_path)
    sampler = sampler_for(random_models["llama"])
    prompts = prompts_for(QUESTIONS)
    before = sampler.sample(prompts, Decoding(max_new_tokens=12), seed=0)
    sampler.use(tmp_path, "iteration-001")
    adapted = sampler.sample(prompts, Decoding(max_new_tokens=12), seed=0)
    sampler.use(None, "base")
    assert texts(sampler.sample(prompts, Decoding(max_new_tokens=12), seed=0)) == texts(before) != texts(adapted)
    assert {c.model for c in adapted} == {"iteration-001"}

    fresh = AutoModelForCausalLM.from_pretrained(random_models["llama"], dtype=torch.float32)
    unmerged = PeftModel.from_pretrained(fresh, str(tmp_path))
    ids = torch.tensor([sampler.tokenizer(prompts[0].text)["input_ids"]])
    out = unmerged.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
    )
    assert adapted[0].text == sampler.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def test_the_common_prefix_leaves_a_token_of_every_prompt():
    assert common_prefix([[1, 2, 3], [1, 2, 4, 5]]) == [1, 2]
    assert common_prefix([[1, 2], [1, 2, 3]]) == [1]
    assert common_prefix([[1, 2], [1, 2]]) == [1]
    assert common_prefix([[1], [2]]) == []
    assert common_prefix([]) == []

"""Special tokens: one BOS where the tokenizer has one, none twice, EOS only where it is learned."""

import copy

import pytest
from tokenizers.processors import TemplateProcessing

from star.models import encode_prompt, encode_target


@pytest.fixture
def tokenizer(bpe_tokenizer):
    """A tokenizer that puts a begin and an end token around every text, as some do."""
    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    around = [("<bos>", tokenizer.bos_token_id), ("<eos>", tokenizer.eos_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<bos> $A <eos>", special_tokens=around)
    return tokenizer


def test_a_plain_prompt_begins_with_the_begin_token_and_does_not_end(tokenizer):
    ids = encode_prompt(tokenizer, "Q: What is 12?\nA:", chat=False)
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids[1:]) == "Q: What is 12?\nA:"


def test_a_chat_prompt_has_the_special_tokens_of_its_template_alone(tokenizer):
    ids = encode_prompt(tokenizer, "<bos>Q: What is 12?<eos>", chat=True)
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids.count(tokenizer.eos_token_id) == 1


def test_a_target_ends_with_one_end_token_and_begins_with_none(tokenizer):
    ids = encode_target(tokenizer, " 12 apples")
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.bos_token_id not in ids

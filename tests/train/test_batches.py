"""What training sees: targets with EOS, prompts masked, nothing cut, nothing left out."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from star.order import batches
from star.records import Example
from star.train import tokenise
from star.train.batches import (
    CPU_TOKENS,
    GPU_TOKENS,
    IGNORE,
    TokenisedExample,
    collate,
    micro_batches,
    tokens_at_once,
)

EXAMPLES = [
    Example("Q: What is 12 + 34?\nA:", " 12 + 34 = 46.\n#### 46", "base/plain/a/0", 1),
    Example("Q: 5?\nA:", " 5 apples.\n#### 5", "base/plain/b/0", 1),
]


def test_labels_are_the_rationale_and_the_end_token_and_nothing_of_the_prompt(bpe_tokenizer):
    rows, too_long = tokenise(EXAMPLES, bpe_tokenizer, chat=False, context=256)
    assert too_long == []
    ids, mask, labels = collate(rows, pad=bpe_tokenizer.pad_token_id)
    for i, example in enumerate(EXAMPLES):
        learned = labels[i][labels[i] != IGNORE].tolist()
        assert learned[-1] == bpe_tokenizer.eos_token_id
        assert bpe_tokenizer.decode(learned[:-1]) == example.target
        seen = ids[i][mask[i].bool()].tolist()
        assert bpe_tokenizer.decode(seen[: len(seen) - len(learned)]) == example.prompt
        assert seen[-1] == bpe_tokenizer.eos_token_id


def test_the_end_token_is_learned_where_it_is_the_pad_token_too(bpe_tokenizer):
    rows, _ = tokenise(EXAMPLES, bpe_tokenizer, chat=False, context=None)
    ids, mask, labels = collate(rows, pad=bpe_tokenizer.eos_token_id)
    assert (labels == bpe_tokenizer.eos_token_id).sum() == len(EXAMPLES)
    assert (mask.sum(1) == (ids.shape[1] - (ids == bpe_tokenizer.eos_token_id).sum(1) + 1)).all()


def test_examples_longer_than_the_context_are_left_out_by_name_never_cut(bpe_tokenizer):
    shorter = min(len(row) for row in tokenise(EXAMPLES, bpe_tokenizer, False, None)[0])
    rows, too_long = tokenise(EXAMPLES, bpe_tokenizer, chat=False, context=shorter)
    assert [len(row) for row in rows] == [shorter]
    assert too_long == ["base/plain/a/0"]


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_by_epochs_every_example_is_seen_once_a_pass_the_last_partial_batch_included(count, size, epochs, seed):
    steps = -(-count * epochs // size)
    seen = [i for batch in batches(count, size, steps, float(epochs), seed) for i in batch]
    assert Counter(seen) == dict.fromkeys(range(count), epochs)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(1, 20), st.integers(0, 99))
def test_by_steps_every_batch_is_full_and_passes_are_whole(count, size, steps, seed):
    order = list(batches(count, size, steps, None, seed))
    assert [len(batch) for batch in order] == [size] * steps
    seen = Counter(i for batch in order for i in batch)
    assert max(seen.values()) - min(seen[i] for i in range(count)) <= 1
    assert order == list(batches(count, size, steps, None, seed))


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40), st.none() | st.integers(1, 9), st.none() | st.integers(1, 99)
)
def test_micro_batches_hold_every_example_once_and_no_more_than_they_may(lengths, examples, tokens):
    rows = [TokenisedExample([0], [1] * (length - 1), str(i)) for i, length in enumerate(lengths)]
    parts = micro_batches(rows, examples, tokens)
    assert Counter(row.attempt_id for part in parts for row in part) == dict.fromkeys(map(str, range(len(rows))), 1)
    for part in parts:
        assert examples is None or len(part) <= examples
        assert tokens is None or len(part) == 1 or sum(map(len, part)) <= tokens


@pytest.mark.parametrize(("device", "most"), [("cpu", CPU_TOKENS), ("cuda", GPU_TOKENS), ("mps", GPU_TOKENS)])
def test_no_forward_pass_is_without_a_bound_however_large_the_batch(device, most):
    rows = [TokenisedExample([1] * 100, [2] * (i % 50 + 1), str(i)) for i in range(200)]
    parts = micro_batches(rows, None, tokens_at_once(torch.device(device)))
    assert [row for part in parts for row in part] == sorted(rows, key=len, reverse=True)
    assert max(sum(map(len, part)) for part in parts) <= most

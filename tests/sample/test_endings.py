"""How a completion of a server ended, in our words."""

import pytest

from star.sample.endings import Stops


@pytest.fixture(scope="module")
def stops(bpe_tokenizer):
    return Stops.of(["\n\n", "Q:", "<pad>"], bpe_tokenizer)


@pytest.mark.parametrize(
    ("text", "finish", "reason", "expected"),
    [
        ("4", "stop", None, ("4", "eos")),
        ("4", "stop", "Q:", ("4", "stop")),
        ("4 Q: 5\n\n", "stop", "\n\n", ("4 ", "stop")),
        ("4\n\nQ: 5", "length", None, ("4", "stop")),
        ("4", "length", None, ("4", "length")),
        ("4", "content_filter", None, ("4", "length")),
        ("4", None, None, ("4", "length")),
    ],
)
def test_a_text_is_cut_at_the_first_stop_string_and_its_end_named(stops, text, finish, reason, expected):
    assert stops.cut(text, finish, reason) == expected


def test_tokens_that_end_a_completion_are_no_part_of_its_text(stops, bpe_tokenizer):
    ids = bpe_tokenizer("Tom has", add_special_tokens=False)["input_ids"]
    pad, eos = bpe_tokenizer.convert_tokens_to_ids(["<pad>", "<eos>"])
    assert stops.tokens == (pad,)
    assert stops.read([*ids, pad], "stop", pad) == ("Tom has", "stop")
    assert stops.read([*ids, eos], "stop", None) == ("Tom has", "eos")
    assert stops.read(ids, "length", None) == ("Tom has", "length")


def test_half_a_character_at_the_end_is_shown_as_such(stops, bpe_tokenizer):
    ids = bpe_tokenizer("漢", add_special_tokens=False)["input_ids"]
    assert stops.read(ids[:-1] or ids, "length", None)[0] != ""

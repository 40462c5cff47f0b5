"""Sections of which there are several kinds: what is told when the kind or a key of it is wrong."""

import pytest

from star.errors import UserError


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("synthesize.kind=self_instrct", "self_instruct, textbook, reshape; did you mean self_instruct?"),
        ("synthesize={prompts: 3}", "synthesize.kind: this key is required; one of"),
        ("synthesize={kind: self_instruct, promps: 3}", "synthesize.promps: unknown key; did you mean prompts?"),
        ("synthesize={kind: none, prompts: 3}", "synthesize.prompts: unknown key"),
        ("synthesize={kind: self_instruct, vote: {sample: 5}}", "synthesize.vote.sample: unknown key; did you mean"),
        ("synthesize={kind: self_instruct, vote: {threshold: 0.5}}", "synthesize.vote.threshold = 0.5"),
        ("synthesize={kind: self_instruct, human: 0, machine: 0}", "a prompt must list at least one problem"),
        ("synthesize={kind: self_instruct, min_words: 9, max_words: 8}", "min_words 9 is larger than max_words 8"),
        (
            "synthesize={kind: self_instruct, decoding: {samples: 2, temperature: 0}}",
            "samples is 2, but at temperature",
        ),
        ("task.kind=arithmetik", "did you mean arithmetic?"),
    ],
)
def test_a_wrong_kind_and_a_key_that_it_has_not_are_told(load, override, message):
    with pytest.raises(UserError) as caught:
        load(override)
    assert message in str(caught.value)


def test_new_problems_need_rationales(load):
    with pytest.raises(UserError, match="with method: direct there are none"):
        load("synthesize.kind=self_instruct", "method=direct")


@pytest.mark.parametrize("accept", ["majority", "all"])
def test_lessons_are_made_of_right_rationales(load, accept):
    more = ("rationalization.probability=0", "decoding={samples: 3, temperature: 1}")
    with pytest.raises(UserError, match=f"textbook .* selection.accept: {accept} takes wrong ones too: it needs"):
        load("synthesize.kind=textbook", f"selection.accept={accept}", *more)
    load("synthesize.kind=self_instruct", f"selection.accept={accept}", *more)

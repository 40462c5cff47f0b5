"""What the model sees."""

import pytest

from star.errors import UserError
from star.prompts import PromptBuilder, evaluates_with_exemplars, samples_with_exemplars
from star.recipe import load_recipe
from star.records import Problem
from star.tasks import build_task

PROBLEM = Problem("p", "jsonl", "Why {answer}?", "42")
EXEMPLARS = (
    "question: One?\nanswer: 1\nrationale:\nIt is 1.\n#### 1\n---\nquestion: Two?\nanswer: 2\nrationale:\n#### 2\n"
)
CHATML = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def builder(tmp_path, bpe_tokenizer):
    def build(*overrides, tokenizer=bpe_tokenizer):
        (tmp_path / "shots.txt").write_text(EXEMPLARS)
        path = tmp_path / "r.yaml"
        path.write_text(
            f"name: x\ntask: {{kind: jsonl, train: none.jsonl}}\nmodel: {{path: gpt2}}\n"
            f"prompt: {{exemplars: {tmp_path / 'shots.txt'}}}\n"
        )
        recipe = load_recipe(path, overrides)
        return PromptBuilder(build_task(recipe), recipe.prompt, tokenizer, recipe.method == "direct"), recipe

    return build


def test_exemplars_stand_before_the_question_and_hinted_ones_show_their_answers(builder):
    prompts, _ = builder()
    plain, hinted = (prompts.prompts([PROBLEM], hint, True)[0] for hint in (False, True))
    assert plain.text == "Q: One?\nA: It is 1.\n#### 1\n\nQ: Two?\nA: #### 2\n\nQ: Why {answer}?\nA:"
    assert hinted.text == "Q: One? (1)\nA: It is 1.\n#### 1\n\nQ: Two? (2)\nA: #### 2\n\nQ: Why {answer}? (42)\nA:"
    assert (plain.hinted, hinted.hinted) == (False, True)
    assert prompts.prompts([PROBLEM], False, exemplars=False)[0].text == "Q: Why {answer}?\nA:"


def test_training_prompts_have_no_exemplars_unless_the_recipe_says_so_and_no_hint(builder):
    assert builder()[0].training_prompt(PROBLEM) == "Q: Why {answer}?\nA:"
    shown = builder("prompt.train_with=true", "prompt.shots=1")[0].training_prompt(PROBLEM)
    assert shown == "Q: One?\nA: It is 1.\n#### 1\n\nQ: Why {answer}?\nA:"
    assert builder()[0].training_prompt(PROBLEM, keep_hint=True) == "Q: Why {answer}? (42)\nA:"


def test_without_rationales_exemplars_and_training_examples_show_bare_answers(builder):
    prompts, _ = builder("method=direct", 'task.direct="It is #### {answer}"', "prompt.train_with=true")
    shown = "Q: One?\nA: It is #### 1\n\nQ: Two?\nA: It is #### 2\n\n"
    assert prompts.prompts([PROBLEM], False, True)[0].text == f"{shown}Q: Why {{answer}}?\nA:"
    assert prompts.training_prompt(PROBLEM) == f"{shown}Q: Why {{answer}}?\nA:"
    assert prompts.direct_target(PROBLEM) == " It is #### 42"


def test_a_bare_answer_stands_behind_a_blank_only_where_a_line_goes_on(builder, bpe_tokenizer):
    import copy

    prompts, _ = builder('task.prompt="Q: {question}\\nA:\\n"')
    assert prompts.direct_target(PROBLEM) == "#### 42"
    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.chat_template = CHATML
    chat, _ = builder("prompt.chat=true", tokenizer=tokenizer)
    assert chat.direct_target(PROBLEM) == "#### 42"


@pytest.mark.parametrize("annotations", ["strip", "keep"])
def test_calculator_annotations_are_in_prompts_and_training_targets_only_when_the_recipe_keeps_them(
    builder, annotations
):
    gsm8k = [f"task={{kind: gsm8k, annotations: {annotations}}}", "prompt.exemplars=gsm8k", "prompt.shots=1"]
    prompts, _ = builder(*gsm8k)
    [prompt] = prompts.prompts([PROBLEM], False, True)
    kept = annotations == "keep"
    assert ("4 x 12 = <<4*12=48>>48 rolls" in prompt.text) == kept
    assert ("4 x 12 = 48 rolls" in prompt.text) != kept
    target = prompts.training_target(" 6 * 7 = <<6*7=42>>42\n#### 42\n")
    assert target == (" 6 * 7 = <<6*7=42>>42\n#### 42" if kept else " 6 * 7 = 42\n#### 42")


def test_exemplars_with_choices_show_them_and_mark_the_right_one_with_the_hint_alone(builder):
    prompts, _ = builder("task={kind: commonsenseqa}", "prompt.exemplars=commonsenseqa", "prompt.shots=2")
    problem = Problem("p", "commonsenseqa", "Where?", "b", ("here", "there"))
    plain, hinted = (prompts.prompts([problem], hint, True)[0].text for hint in (False, True))
    assert hinted.count("(CORRECT)") == 3
    assert hinted.replace(" (CORRECT)", "") == plain
    assert "(b) coat rack (CORRECT)\n" in hinted
    assert plain.endswith("\n\nQ: Where?\nAnswer Choices:\n(a) here\n(b) there\nA:")
    assert "CORRECT" not in prompts.training_prompt(problem)


def test_chat_prompts_go_through_the_template_with_exemplars_as_turns(builder, bpe_tokenizer):
    import copy

    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.chat_template = CHATML
    prompts, _ = builder("prompt.chat=true", "prompt.system=Be brief.", "prompt.shots=1", tokenizer=tokenizer)
    assert prompts.prompts([PROBLEM], False, True)[0].text == (
        "<|system|>Be brief.<|end|><|user|>Q: One?\nA:<|end|><|assistant|>It is 1.\n#### 1<|end|>"
        "<|user|>Q: Why {answer}?\nA:<|end|><|assistant|>"
    )
    assert prompts.training_prompt(PROBLEM) == (
        "<|system|>Be brief.<|end|><|user|>Q: Why {answer}?\nA:<|end|><|assistant|>"
    )


def test_a_template_that_refuses_a_turn_is_an_error_with_the_remedy(builder, bpe_tokenizer):
    import copy

    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    prompts, _ = builder("prompt.chat=true", "prompt.system=Be brief.", "prompt.shots=0", tokenizer=tokenizer)
    with pytest.raises(UserError, match=r"refuses the turns system, user: System role not supported; leave out"):
        prompts.training_prompt(PROBLEM)


def test_chat_without_a_template_is_an_error_with_the_remedy(builder):
    with pytest.raises(UserError, match=r"prompt\.chat = True.*no chat template.*prompt\.chat: false"):
        builder("prompt.chat=true")


@pytest.mark.parametrize(
    ("setting", "plain", "hinted"),
    [
        ("always", [True, True], [True, True]),
        ("first", [True, False], [True, True]),
        ("never", [False] * 2, [False] * 2),
    ],
)
def test_exemplars_are_shown_in_the_iterations_the_recipe_says(builder, setting, plain, hinted):
    """In iterations 1 and 2; the base model and the model of iteration 1 are evaluated as they are sampled from."""
    _, recipe = builder(f"prompt.sample_with={setting}")
    assert [samples_with_exemplars(recipe, number, hinted=False) for number in (1, 2)] == plain
    assert [samples_with_exemplars(recipe, number, hinted=True) for number in (1, 2)] == hinted
    assert [evaluates_with_exemplars(recipe, number) for number in (0, 1)] == [[show] for show in plain]
    _, both = builder(f"prompt.sample_with={setting}", "evaluation.exemplars=both")
    assert evaluates_with_exemplars(both, 1) == [True, False]

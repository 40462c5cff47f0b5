"""Real text to watch: where it comes from, what is read of it, and what is wrong with it."""

import copy
import json
import random
import shutil
from pathlib import Path

import pytest

from star.audit.reference import Reference, Text, load_reference, reference_signals
from star.errors import UserError
from star.files import file_sha256
from star.models import Checkpoint, encode_prompt, encode_target
from star.models.scoring import LONGEST_TARGET, Passage
from star.prompts import PromptBuilder
from star.tasks import build_task

SUMS = "task={kind: arithmetic, train: {1: 5}, held_out: {1: 9, 2: 300}, style: %s}"
CHATML = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"
GOLD = "She has 3 + 2 = <<3+2=5>>5.\n#### 5"


@pytest.fixture
def load(recipe_with, bpe_tokenizer):
    """The reference of a recipe with these overrides."""

    def load(*overrides, context=None, tokenizer=bpe_tokenizer):
        recipe = recipe_with(*overrides)
        task = build_task(recipe)
        held_out = task.problems("held_out") if recipe.audit.reference is None else []
        return load_reference(recipe, PromptBuilder(task, recipe.prompt, tokenizer), held_out, context)

    return load


@pytest.fixture
def file(tmp_path):
    """The override that names a reference file with these rows or this text."""

    def file(content, name=None):
        if not isinstance(content, (str, bytes)):
            content = "".join(json.dumps(row) + "\n" for row in content)
            name = name or "texts.jsonl"
        path = tmp_path / (name or "texts.txt")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return f"audit.reference={path}"

    return file


@pytest.fixture
def gsm8k(tmp_path):
    """The overrides of a task of GSM8K's kind with five held-out problems."""
    for split in ("train", "test"):
        rows = ({"question": f"{split} {i}?", "answer": GOLD} for i in range(5))
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [f"task.path={tmp_path}", "prompt.exemplars=gsm8k", "prompt.shots=1"]


# Which texts


def test_rows_are_taken_word_for_word_and_encoded_as_training_has_them(load, file, bpe_tokenizer):
    reference = load(file([{"prompt": " Why?\n", "target": "  Because. ", "more": 1}, {"prompt": 1, "target": 2}]))
    assert sorted(reference.texts) == [(" Why?\n", "  Because. "), ("1", "2")]
    wanted = {text: (encode_prompt(bpe_tokenizer, text.prompt, False), encode_target(bpe_tokenizer, text.target))
              for text in reference.texts}  # fmt: skip
    assert reference.passages == list(wanted.values())


def test_paragraphs_of_a_text_file_stand_alone_and_do_not_end(load, file, bpe_tokenizer):
    reference = load(file("\ufeffOne two\r\nthree.\r\n\r\n \n  Four five.\n\n\n"))
    assert sorted(reference.texts) == [("", "Four five."), ("", "One two\nthree.")]
    [prompt, target] = reference.passages[[text.target for text in reference.texts].index("Four five.")]
    assert (prompt, bpe_tokenizer.decode(target)) == ([], "Four five.")


def test_a_paragraph_stands_behind_the_tokenizers_first_token(load, file, bpe_tokenizer):
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.chat_template = CHATML
    begin = [("<pad>", tokenizer.pad_token_id)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<pad> $A", special_tokens=begin)
    for more in ([], ["prompt.chat=true"]):
        [passage] = load(file("Four."), *more, tokenizer=tokenizer).passages
        assert passage.prompt == [tokenizer.pad_token_id]
        assert len(passage.predicted) == len(passage.target)


def test_the_same_texts_are_drawn_every_time_and_others_with_another_seed(load, file):
    override = file([{"prompt": "Q", "target": str(i)} for i in range(300)])
    first, again, other = load(override), load(override), load(override, "seed=1")
    assert len(set(first.texts)) == len(first.passages) == 64
    assert first.texts == again.texts != other.texts
    assert first.sha256() == again.sha256() != other.sha256()
    assert len(load(override, "audit.reference_texts=7").texts) == 7
    assert len(load(override, "audit.reference_texts=999").texts) == 300


def test_the_file_is_named_with_its_hash(load, file):
    override = file("Some text.")
    path = override.partition("=")[2]
    found = file_sha256(Path(path))
    assert load(override).source == f"{path} (SHA-256 {found})"
    assert load(override).files == {path: found}


@pytest.mark.parametrize(("style", "start"), [("columns", "Q:"), ("paper", "Input:\n")])
def test_without_a_file_worked_sums_are_read_as_the_starter_writes_them(load, style, start):
    reference = load(SUMS % style, "audit.reference_texts=500")
    assert (reference.source, reference.files) == ("worked solutions of held-out problems", {})
    assert len(reference.texts) == 309
    task = build_task_of(style)
    for text in reference.texts:
        assert text.prompt.startswith(start)
        first, second = text.prompt.removeprefix(start).splitlines()[0].replace(" ", "").split("+")
        assert text.target == task.worked((int(first), int(second)))


def build_task_of(style):
    from star.recipe import ArithmeticTask
    from star.tasks.arithmetic import Arithmetic

    return Arithmetic(ArithmeticTask(kind="arithmetic", style=style))


def test_gold_solutions_read_as_training_would_have_them(load, gsm8k):
    reference = load(*gsm8k, "audit.reference_texts=2")
    assert len(reference.texts) == 2
    for prompt, target in reference.texts:
        assert prompt.startswith("Q: test ")
        assert prompt.endswith("?\nA:")
        assert target == " She has 3 + 2 = 5.\n#### 5"
    with_exemplars = load(*gsm8k, "prompt.train_with=true", "task.annotations=keep").texts[0]
    assert with_exemplars.prompt.count("Q: ") == 2
    assert with_exemplars.target == f" {GOLD}"


def test_a_chat_template_stands_around_problems(load, gsm8k, bpe_tokenizer):
    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.chat_template = CHATML
    reference = load(*gsm8k, "prompt.chat=true", tokenizer=tokenizer)
    [prompt, target] = reference.texts[0]
    assert prompt.startswith("<|user|>Q: test ")
    assert prompt.endswith("\nA:<|end|><|assistant|>")
    assert target == "She has 3 + 2 = 5.\n#### 5"
    assert reference.passages[0].prompt == encode_prompt(tokenizer, prompt, chat=True)


def test_where_there_are_no_worked_solutions_nothing_is_watched_and_the_reason_is_said(load, tmp_path):
    (tmp_path / "train.jsonl").write_text("".join(f'{{"question": "{i}?", "answer": "{i}"}}\n' for i in range(20)))
    rows = f"task={{kind: jsonl, train: {tmp_path}/train.jsonl, held_out_share: 0.5}}"
    for override, kind in ((SUMS % "words", "arithmetic"), (rows, "jsonl")):
        reference = load(override)
        assert reference.missing == f"task {kind} has no worked solutions here; name real text as audit.reference"
        assert reference_signals(None, None, None, reference) == {"missing": reference.missing}
        assert reference.example() == ("no reference text", reference.missing)
    assert load(SUMS % "columns", "audit.reference_texts=0").missing == "audit.reference_texts is 0"


# What is read of them


def test_long_targets_are_cut_and_what_has_nothing_to_predict_is_left_out(load, file):
    rows = [{"prompt": "a" * n, "target": "b" * m} for n, m in ((3, 3), (3, 90), (40, 1), (90, 3))]
    reference = load(file(rows), context=40)
    lengths = {(len(text.prompt), len(text.target)) for text in reference.texts}
    assert len(lengths) == 4
    assert sorted((len(p.prompt), len(p.target)) for p in reference.passages) == [(3, 4), (3, 37)]
    assert (reference.cut, reference.left_out) == (1, 2)
    assert load(file("b\n\nbb")).left_out == 1
    [long] = load(file("b" * 5000)).passages
    assert len(long.target) == LONGEST_TARGET


def test_worked_solutions_without_room_are_missing_and_no_error(load, gsm8k):
    reference = load(*gsm8k, context=8)
    assert reference.missing == (
        "worked solutions of held-out problems: none of 5 texts has a token to predict (the model's context is 8)"
    )


@pytest.mark.parametrize("scale", [1e6, float("nan")])
def test_probabilities_that_are_no_numbers_are_missing_and_never_written(recipe_with, architectures, tmp_path, scale):
    import torch
    from transformers import AutoModelForCausalLM

    shutil.copytree(architectures("llama"), tmp_path / "m")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(scale)
    model.save_pretrained(tmp_path / "m")
    reference = Reference([Text("", "ab")], [Passage([], [3, 4, 5])], "a file")
    recipe = recipe_with("model.device=cpu", "model.dtype=float32")
    found = reference_signals(recipe, Checkpoint(str(tmp_path / "m")), None, reference)
    assert list(found) == ["missing"]
    assert found["missing"].startswith("the model gives the texts no finite probability (perplexity ")


def test_the_signals_are_what_the_model_makes_of_the_passages(recipe_with, architectures):
    rng = random.Random(0)
    passages = [Passage([5], [rng.randrange(300) for _ in range(9)]) for _ in range(4)]
    reference = Reference([], passages, "a file", cut=1, left_out=2)
    recipe = recipe_with("model.device=cpu", "model.dtype=float32")
    found = reference_signals(recipe, Checkpoint(str(architectures("llama"))), None, reference)
    assert (found["source"], found["texts"], found["cut"], found["left_out"]) == ("a file", 4, 1, 2)
    assert (found["tokens"], found["kl"], found["agreement"]) == (36, 0.0, 1.0)
    assert found["perplexity"] > 1
    assert json.loads(json.dumps(found)) == found


# Bad input

BAD = {
    "missing file": (None, "gone.jsonl", ["gone.jsonl': there is no such file; give a JSONL file with 'prompt' and"]),
    "another kind": (b"x", "texts.csv", ["texts.csv': neither .jsonl nor .txt; give a JSONL file with 'prompt' and"]),
    "empty JSONL": (b"\n", "t.jsonl", ["t.jsonl: the file has no "]),
    "empty text": (b" \n\n", "t.txt", ["t.txt: the file has no text; give one with paragraphs"]),
    "no JSON": (b'{"prompt": "a", "target": "b"}\nx\n', "t.jsonl", ["t.jsonl:2: not valid JSON: ", "b'x"]),
    "no target": (b'{"prompt": "a", "text": "b"}\n', "t.jsonl", ["t.jsonl:1: no field 'target'; its fields are 'prom"]),
    "no text": (
        b'{"prompt": "a", "target": ["b"]}\n',
        "t.jsonl",
        ["t.jsonl:1: field 'target' should be text", "['b']"],
    ),
    "blank": (b'{"prompt": " ", "target": "b"}\n', "t.jsonl", ["t.jsonl:1: field 'prompt' should be text", "' '"]),
    "JSONL not UTF-8": (
        b'{"prompt": "a\xe9", "target": "b"}\n',
        "t.jsonl",
        ["t.jsonl:1: not UTF-8 text: ", "save the"],
    ),
    "text not UTF-8": (
        b"a\nb \xe9 c\n",
        "t.txt",
        ["t.txt:2: not UTF-8 text: ", "b'\\xe9 c\\n'; save the file as UTF-8"],
    ),
    "nothing to predict": (b"b\n\nb", "t.txt", ["t.txt': none of 2 texts has a token to predict", "give other text"]),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_reference_text_is_an_error_that_says_where_and_what(load, file, tmp_path, row):
    content, name, parts = BAD[row]
    override = f"audit.reference={tmp_path / name}" if content is None else file(content, name)
    with pytest.raises(UserError) as caught:
        load(override)
    assert [part for part in parts if part not in str(caught.value)] == [], str(caught.value)


def test_a_folder_is_no_reference_text(load, tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        load(f"audit.reference={tmp_path}")

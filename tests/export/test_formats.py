"""Training data for other trainers: what those read is what the run trained on, token for token where they allow it."""

import copy
import json
import shutil

import pytest

from star.cards.columns import COLUMNS
from star.cli import main
from star.errors import UserError
from star.export.formats import FORMATS, Texts
from star.files import file_sha256, read_json, read_rows, write_json
from star.models import encode_prompt, encode_target
from star.models.starter import starter_tokenizer
from star.prompts import PromptBuilder
from star.store.manifest import entry
from star.tasks import build_task

CHATML = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
    """The last iteration of the tiny run in every format."""
    folder = tmp_path_factory.mktemp("formats")
    for name in FORMATS:
        assert main(["export", str(tiny_run), "--dataset", str(folder / name), "--format", name]) == 0
    return folder


@pytest.fixture
def trained(tiny_run):
    return read_rows(tiny_run / "iterations/002/train.jsonl")


@pytest.fixture
def chat_tokenizer(bpe_tokenizer):
    """A tokenizer whose every text, and whose chat template too, begins with its BOS."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(bpe_tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<pad>"})
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A", special_tokens=[("<pad>", tokenizer.bos_token_id)]
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def load(folder, cache):
    import datasets

    return datasets.load_dataset(str(folder), split="train", cache_dir=str(cache))


@pytest.mark.parametrize("name", FORMATS)
def test_datasets_reads_the_folder_and_every_row_leads_back_to_its_attempt(name, exported, trained, tmp_path):
    found = load(exported / name, tmp_path)
    assert sorted(found.column_names) == sorted(column.name for column in FORMATS[name].layout.columns)
    assert found["attempt_id"][:] == [row["attempt_id"] for row in trained]
    card = (exported / name / "README.md").read_text()
    assert FORMATS[name].layout.use in card
    assert "dtype: float64" not in card.split("---\n")[1]


def test_text_formats_hold_exactly_what_was_trained_on(exported, trained, tmp_path):
    tokenizer = starter_tokenizer()
    trl, axolotl = (load(exported / name, tmp_path).to_list() for name in ("trl", "axolotl"))
    for row, text, segments in zip(trained, trl, axolotl, strict=True):
        assert (text["prompt"], text["completion"]) == (row["prompt"], row["target"])
        tokens = [tokenizer(s["text"], add_special_tokens=False)["input_ids"] for s in segments["segments"]]
        assert [s["label"] for s in segments["segments"]] == [False, True]
        assert tokens == [
            encode_prompt(tokenizer, row["prompt"], False),
            encode_target(tokenizer, row["target"]),
        ]


def test_conversations_of_a_run_without_chat_are_question_and_answer(exported, trained, tmp_path):
    trl, axolotl = (load(exported / f"{name}-chat", tmp_path).to_list() for name in ("trl", "axolotl"))
    for row, conversation, messages in zip(trained, trl, axolotl, strict=True):
        asked, answered = row["prompt"].strip(), row["target"].strip()
        assert conversation["prompt"] == [{"role": "user", "content": asked}]
        assert conversation["completion"] == [{"role": "assistant", "content": answered}]
        assert messages["messages"] == [
            {"role": "user", "content": asked, "train": False},
            {"role": "assistant", "content": answered, "train": True},
        ]


def test_two_exports_are_the_same_bytes(exported, tiny_run, tmp_path):
    for name in FORMATS:
        assert main(["export", str(tiny_run), "--dataset", str(tmp_path / name), "--format", name]) == 0
        for file in ("README.md", "data/train.jsonl"):
            assert file_sha256(exported / name / file) == file_sha256(tmp_path / name / file)


def test_a_conversation_is_read_back_out_of_its_prompt_exemplars_system_and_all(chat_tokenizer, recipe_with, tmp_path):
    (tmp_path / "e.txt").write_text("question: What is 3 + 4?\nanswer: 7\nrationale:\n3 + 4 = 7.\n#### 7\n")
    recipe = recipe_with(
        "prompt.chat=true", "prompt.system=Be brief.", "prompt.train_with=true", f"prompt.exemplars={tmp_path}/e.txt"
    )
    task = build_task(recipe)
    prompts = PromptBuilder(task, recipe.prompt, chat_tokenizer)
    problem = prompts.exemplars[0][0]
    texts = Texts(chat_tokenizer, prompts)
    for hinted in (False, True):
        prompt = prompts.training_prompt(problem, keep_hint=hinted)
        turns = texts.turns(prompt)
        assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
        assert chat_tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == prompt
        assert ("7" in turns[-1]["content"]) == hinted
        row = FORMATS["axolotl-chat"].to_row(texts, prompt, "3 + 4 = 7.")
        assert [turn["train"] for turn in row["messages"]] == [False, False, False, False, True]
        assert chat_tokenizer(texts.without_start(prompt))["input_ids"] == encode_prompt(chat_tokenizer, prompt, True)
        assert texts.whole(prompt) == prompt
    wish = prompts.request("Write a lesson about 3 + 4.")  # lessons are asked for without exemplars
    assert texts.turns(wish) == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write a lesson about 3 + 4."}
    ]  # fmt: skip
    with pytest.raises(UserError, match="--format trl and --format axolotl"):
        texts.turns(prompts.training_prompt(problem).replace("Be brief.", "Be long."))


def test_a_prompt_that_is_text_gets_the_token_that_the_tokenizer_begins_with_from_whoever_adds_it(chat_tokenizer):
    texts = Texts(chat_tokenizer)
    prompt = "Q: What is 12 + 34?\nA:"
    ids = encode_prompt(chat_tokenizer, prompt, False)
    assert ids[0] == chat_tokenizer.bos_token_id
    assert chat_tokenizer(texts.whole(prompt), add_special_tokens=False)["input_ids"] == ids
    assert chat_tokenizer(texts.without_start(prompt))["input_ids"] == ids


def test_too_long_examples_are_left_out_since_nothing_was_trained_on_them(tiny_run, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    log, manifest = run / "iterations/002/adapter/training.jsonl", run / "iterations/002/MANIFEST.json"
    first, *rest = log.read_text().splitlines(keepends=True)
    found = json.loads(first)
    found["too_long"], found["examples"] = [trained[0]["attempt_id"]], found["examples"] - 1
    log.write_text("".join([json.dumps(found) + "\n", *rest]))
    written = read_json(manifest)
    written["files"]["adapter/training.jsonl"] = entry(log)
    write_json(manifest, written)
    for arguments in (["--format", "trl"], []):
        assert main(["export", str(run), "--dataset", str(tmp_path / f"d{len(arguments)}"), *arguments]) == 0
    assert load(tmp_path / "d2", tmp_path / "a")["attempt_id"][:] == [row["attempt_id"] for row in trained[1:]]
    everything = load(tmp_path / "d0", tmp_path / "b")
    assert len(everything) == len(trained)
    assert everything.column_names == [column.name for column in COLUMNS]


def test_a_format_without_a_data_set_is_an_error(tiny_run, tmp_path, capsys):
    assert main(["export", str(tiny_run), "--adapter", str(tmp_path / "a"), "--format", "trl"]) == 2
    assert "--format trl is that of a data set: give --dataset DIR too" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["trl", "trl-chat"])
def test_sft_trainer_takes_a_step_on_what_the_run_trained_on(name, exported, trained, tiny_run, tmp_path):
    trl = pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM

    tokenizer = starter_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"  # fmt: skip # noqa: E501
    settings = trl.SFTConfig(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=2, use_cpu=True, report_to=[], bf16=False,
        gradient_checkpointing=False, save_strategy="no",
    )  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(read_json(tiny_run / "run.json")["base_model"])
    trainer = trl.SFTTrainer(
        model, args=settings, train_dataset=load(exported / name, tmp_path / "cache"), processing_class=tokenizer
    )
    assert trainer.train().training_loss > 0
    if name == "trl":
        for row, found in zip(trained, trainer.train_dataset, strict=True):
            prompt, target = encode_prompt(tokenizer, row["prompt"], False), encode_target(tokenizer, row["target"])
            assert found["input_ids"] == prompt + target
            assert found["labels"] == [-100] * len(prompt) + target

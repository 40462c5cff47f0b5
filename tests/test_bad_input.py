"""Bad input, row by row: each is one clear error and exit code 2, and leaves every byte as it was.

A row is a real command line with what its message must have in it: file, key or line, value, remedy.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest

from star.files import file_sha256
from star.recipe import load_recipe
from star.store import Store
from tests.command import refused, star

RECIPE = "name: x\ntask: {kind: arithmetic}\nmodel: {starter: {}}\n"


# Recipe

RECIPES = {
    "unknown key": ("iterationz: 3\n", [], ["r.yaml:4: iterationz: unknown key; did you mean iterations?"]),
    "wrong type": ("iterations: many\n", [], ["r.yaml:4: iterations = 'many': Input should be a valid integer"]),
    "lr is the word nan": ("train: {lr: nan}\n", [], ["r.yaml:4: train.lr = 'nan': Input should be a valid number"]),
    "lr is nan": ("train: {lr: .nan}\n", [], ["r.yaml:4: train.lr = nan: Input should be a finite number"]),
    "lr is negative": ("train:\n  lr: -1\n", [], ["r.yaml:5: train.lr = -1: Input should be greater than 0"]),
    "lr is true": ("train: {lr: true}\n", [], ["r.yaml:4: train.lr = True: Input should be a valid number"]),
    "duplicate key": ("seed: 1\nname: y\n", [], ['r.yaml:5: found duplicate key "name"', "keep one of them"]),
    "YAML syntax": ("train: {lr: 1\n", [], ["r.yaml:5: not valid YAML: ", "expected ',' or '}'"]),
    "unknown task": (
        "",
        ["task.kind=arithmetics"],
        ["'task.kind=arithmetics'", "expected one of arithmetic, ", "did you mean arithmetic?"],
    ),
    "unknown sampler": (
        "sampler: {kind: vlm}\n",
        [],
        ["r.yaml:4: sampler.kind = 'vlm': Input should be 'local', 'generate', 'openai' or 'vllm'"],
    ),
    "unknown verifier": (
        "",
        ["task={kind: jsonl, train: t.jsonl, verifier: magic}", "model={path: m}"],
        ["task.verifier = 'magic': Input should be 'exact', 'choice', 'label', 'numeric' or 'symbolic'"],
    ),
    "contradictory settings": (
        "train: {epochs: 1, steps: {start: 4}}\n",
        [],
        ["r.yaml:4: train: give steps or epochs, not both"],
    ),
    "override of an unknown key": (
        "",
        ["train.learning_rate=1"],
        ["override 'train.learning_rate=1': train.learning_rate: unknown key; valid keys: ", " lr, "],
    ),
    "newer version": (
        "version: 2\ntrain: {future: 1}\n",
        ["and=more"],
        ["r.yaml:4: version = 2: this star reads up to version 1; upgrade"],
    ),
    "several at once": ("seed: x\n", ["limit=0"], ["2 problems", "r.yaml:4: seed = 'x'", "'limit=0': limit = 0"]),
    "password in a URL": (
        "prompt: {exemplars: 'https://me:s3cret@host/x'}\n",
        [],
        ["r.yaml:4: prompt.exemplars = 'https://***@host/x': holds credentials in a URL", "take it out"],
    ),
}


@pytest.mark.parametrize("row", RECIPES)
def test_recipe(tmp_path, row):
    more, overrides, parts = RECIPES[row]
    (tmp_path / "r.yaml").write_text(RECIPE + more)
    message = refused(tmp_path, "run", "r.yaml", *overrides, parts=parts)
    assert ("future" in message, "s3cret" in message) == (False, False)  # a newer version is the only error


def test_recipe_that_is_not_there(tmp_path):
    (tmp_path / "recipe.yaml").touch()
    parts = ["recipe recipes.yaml: there is no such file; did you mean recipe.yaml?"]
    refused(tmp_path, "run", "recipes.yaml", parts=parts)


# Data


def rows(*pairs):
    return "".join(json.dumps({"question": question, "answer": answer}) + "\n" for question, answer in pairs)


GOOD = rows(*((f"{i} + 1?", i + 1) for i in range(4)))
OTHER = rows(("9 + 9?", 18))
STORY = "one two three four five six seven eight nine ten eleven twelve thirteen"
WITH_ID = '{"question": "%s", "answer": 1, "id": "%s"}\n'
DATA = {
    "missing path": ({}, ["data.jsonl: there is no such data file; give a JSONL file", "as task.train=PATH"]),
    "missing split of a folder": (
        {"data.jsonl/test.jsonl": OTHER},
        ["data.jsonl/train.jsonl: there is no such data file", "as task.train=PATH"],
    ),
    "empty file": ({"data.jsonl": "\n"}, ["data.jsonl: the file has no problems; give one with"]),
    "malformed JSON": (
        {"data.jsonl": GOOD + '{"question": "5?", answer: 5}\n'},
        ["data.jsonl:5: not valid JSON: ", "char 19", """b'{"question": "5?", answer""", "should be a JSON object"],
    ),
    "missing field": (
        {"data.jsonl": GOOD + '{"question": "5?", "anwser": 5}\n'},
        ["data.jsonl:5: no field 'answer'; its fields are 'question', 'anwser'; add it, or", "task.fields.answer"],
    ),
    "duplicate id": (
        {"data.jsonl": WITH_ID % ("1?", "a") + WITH_ID % ("2?", "a"), "other.jsonl": WITH_ID % ("3?", "b")},
        ["data.jsonl:2: id 'a' was already used at data.jsonl:1; ids must be unique"],
        "task.fields.id=id",
    ),
    "unparsable gold": (
        {"data.jsonl": GOOD + rows(("5?", "five"))},
        ["data.jsonl:5 (id train-5): the ground truth 'five' is not a number; mend it, or ", "task.bad_gold=skip"],
    ),
    "overlap, exact": (
        {"data.jsonl": GOOD, "other.jsonl": rows(("2 + 1?", 3))},
        ["1 of 4 training problems overlap", "data.jsonl:3 (id train-3) is the same text as other.jsonl:1", "Remove"],
    ),
    "overlap, normalised": (
        {"data.jsonl": GOOD + rows(("How  many?", 3)), "other.jsonl": OTHER + rows(("how MANY?", 3))},
        [
            "1 of 5 training problems overlap",
            "data.jsonl:5 (id train-5) is the same text as other.jsonl:2",
            "'How  many?'",
        ],
    ),
    "overlap of 13 words": (
        {"data.jsonl": GOOD + rows((f"So: {STORY.upper()} 7?", 3)), "other.jsonl": OTHER + rows((f"{STORY}, 8?", 4))},
        [
            "data.jsonl:5 (id train-5) has 13 words in a row with other.jsonl:2",
            "'one two",
            "audit.contamination=remove",
        ],
    ),
    "overlap with a protected file": (
        {"data.jsonl": GOOD, "set.jsonl": json.dumps({"id": "t-1", "problem": {"stem": "3 + 1?"}})},
        [
            "1 of 4 training problems overlap",
            "data.jsonl:4 (id train-4) is the same text as set.jsonl:1",
            "Remove them",
        ],
        "audit.protect=[set.jsonl]",
    ),
    "missing protected file": (
        {"data.jsonl": GOOD},
        ["audit.protect = 'set.txt': there is no such file; give JSONL files, or text files"],
        "audit.protect=[set.txt]",
    ),
    "not UTF-8": (
        {"data.jsonl": GOOD.encode() + b'{"question": "caf\xe9?", "answer": 5}\n'},
        ["data.jsonl:5: not UTF-8 text: ", "at byte 17, b'\\xe9?", "save the file as UTF-8"],
    ),
    "a line of 50 MB": (
        {"data.jsonl": GOOD.encode() + b'{"question": "' + b"x" * 50_000_000 + b'", "answer": 5}\n'},
        ["data.jsonl:5: the line is longer than 16 MiB", """begins with b'{"question": "xxx""", "on a line of its own"],
    ),
    "empty after filters": (
        {"data.jsonl": rows(("5?", "five"), ("6?", "six"))},
        ["there are no training problems left (2 were left out by task.bad_gold=skip, the first: data.jsonl:1 (id"],
        "task.bad_gold=skip",
    ),
}


@pytest.mark.parametrize("row", DATA)
def test_data(tmp_path, row):
    files, parts, *overrides = DATA[row]
    for name, text in {"other.jsonl": OTHER, **files}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    task = "{kind: jsonl, train: data.jsonl, held_out: other.jsonl, verifier: numeric}"
    (tmp_path / "r.yaml").write_text(f"name: x\ntask: {task}\nmodel: {{path: ./m}}\n")
    refused(tmp_path, "run", "r.yaml", *overrides, parts=parts)


def rationale(question, answer, text):
    return json.dumps({"question": question, "answer": answer, "rationale": text}) + "\n"


REAL = {
    "missing file": (None, ["mix.real.path = 'real.jsonl': there is no such file; give a JSONL file with question"]),
    "wrong rationale": (
        rationale("1 + 1?", 2, "#### 2")
        + rationale("1 + 2?", 3, "It is 4.\n#### 4")
        + rationale("1 + 3?", 4, "It is."),
        [
            "2 of 3 rationales of real.jsonl do not give their answer",
            "real.jsonl:2: the task reads '4' (wrong), and the answer is '3'",
            "real.jsonl:3: the task reads None (no_answer: no final answer), and the answer is '4'",
            "mend them, or take them out",
        ],
    ),
    "too long": (
        rationale("1 + 1?", 2, "so " * 400 + "\n#### 2"),
        ["too long for the model's context of 256", "real/real.jsonl:1 as a training example: ", "out of mix.real"],
    ),
}


@pytest.mark.parametrize("row", REAL)
def test_real_data(tmp_path, random_models, row):
    text, parts = REAL[row]
    for name, content in (("data.jsonl", GOOD), ("other.jsonl", OTHER), ("real.jsonl", text)):
        if content:
            (tmp_path / name).write_text(content)
    (tmp_path / "r.yaml").write_text(
        "name: x\ntask: {kind: jsonl, train: data.jsonl, held_out: other.jsonl, verifier: numeric}\n"
        f"model: {{path: {random_models['llama']}, device: cpu}}\nmix: {{real: {{path: real.jsonl, share: 0.2}}}}\n"
    )
    refused(tmp_path, "run", "r.yaml", parts=parts)


# Model


def edit(path, **changes):
    """Change keys of a JSON file; `None` takes one away."""
    settings = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))


def bert(model):
    edit(model / "config.json", model_type="bert", architectures=["BertForMaskedLM"])


def without_eos(model):
    edit(model / "tokenizer_config.json", eos_token=None, pad_token=None)
    (model / "special_tokens_map.json").unlink(missing_ok=True)


def truncate(model):
    weights = model / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1)


def garbage(model):
    (model / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


def shards(model):
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


class Trap:
    """Unpickled, it leaves a trace."""

    def __reduce__(self):
        return open, ("unpickled", "w")


def pickled(model):
    (model / "model.safetensors").unlink()
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))


def with_code(model):
    names = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    edit(model / "config.json", model_type="strange", auto_map=names)
    (model / "code.py").write_text("open('executed', 'w')\n")


MODELS = {
    "missing path": (shutil.rmtree, ["model.path = './m': there is no such folder; give the folder of a model"]),
    "no causal LM": (bert, ["model m: its config.json names BertForMaskedLM, which is not a causal language model"]),
    "no EOS": (without_eos, ["model m: its tokenizer has no end-of-sequence token", "eos_token in its tokenizer_con"]),
    "no chat template": (
        None,
        ["prompt.chat = True: the tokenizer of m has no chat template; use prompt.chat: false"],
        "prompt.chat=true",
    ),
    "prompt too long": (
        None,
        ["too long for the model's context of 256 tokens", " + decoding.max_new_tokens 250", "use fewer exemplars"],
        "decoding.max_new_tokens=250",
    ),
    "truncated weights": (truncate, ["m/model.safetensors: damaged safetensors file of ", "get the file again"]),
    "garbage for weights": (garbage, ["m/model.safetensors: damaged safetensors file of ", "get the file again"]),
    "missing shard": (shards, ["m/model-00002-of-00002.safetensors: there is no such file, but ", "names it; get"]),
    "pickled weights": (pickled, ["model m: its weights are pickled (pytorch_model.bin)", "saved as safetensors"]),
    "code of its own": (with_code, ["model m: it needs Python code of its own", "set model.trust_remote_code=true"]),
}


@pytest.mark.parametrize("row", MODELS)
def test_model(tmp_path, random_models, row):
    damage, parts, *overrides = MODELS[row]
    shutil.copytree(random_models["llama"], tmp_path / "m")
    if damage:
        damage(tmp_path / "m")
    task = "{kind: arithmetic, style: words, train: {1: 20}, held_out: {1: 5}}"
    (tmp_path / "r.yaml").write_text(f"name: x\ntask: {task}\nmodel: {{path: ./m, device: cpu}}\n")
    refused(tmp_path, "run", "r.yaml", *overrides, parts=parts, HF_MODULES_CACHE=str(tmp_path / "modules"))


def test_the_traps_above_do_snap(tmp_path, random_models, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Trap())).close()
    shutil.copytree(random_models["llama"], tmp_path / "m")
    with_code(tmp_path / "m")
    (tmp_path / "r.yaml").write_text("name: x\ntask: {kind: arithmetic}\nmodel: {path: ./m, trust_remote_code: true}\n")
    star("run", "r.yaml", "--dry-run", cwd=tmp_path, HF_MODULES_CACHE=str(tmp_path / "modules"))
    assert all((tmp_path / trace).exists() for trace in ("unpickled", "executed"))


# Run


def test_a_run_that_another_process_holds(tmp_path, tiny_recipe):
    with Store.open(tmp_path / "runs/tiny", load_recipe(tiny_recipe)):
        parts = ["runs/tiny: a run is at work here (host ", f"pid {os.getpid()})", "wait for it or stop it"]
        refused(tmp_path, "run", tiny_recipe, parts=parts)


def test_a_run_of_another_recipe(tmp_path, tiny_run):
    shutil.copytree(tiny_run, tmp_path / "runs/tiny")
    parts = ["runs/tiny: this run was started with another recipe:", "train.lr: 0.002 -> 0.5", "--name NEW to start"]
    refused(tmp_path, "run", "runs/tiny/recipe.yaml", "train.lr=0.5", parts=parts)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data.replace(b"e", b"f", 1)])
def test_a_run_with_a_damaged_iteration(tmp_path, tiny_run, damage):
    shutil.copytree(tiny_run, tmp_path / "runs/tiny")
    path = tmp_path / "runs/tiny/iterations/002/train.jsonl"
    old = file_sha256(path)
    path.write_bytes(damage(path.read_bytes()))
    parts = ["runs/tiny/iterations/002/train.jsonl: ", file_sha256(path), old, "--fork NEW --from-iteration 1"]
    refused(tmp_path, "run", "runs/tiny/recipe.yaml", "iterations=3", parts=parts)


@pytest.mark.parametrize(
    "command", [["report", "empty"], ["verify-run", "empty"], ["export", "empty", "--merge", "out"], ["report", "gone"]]
)
def test_a_folder_that_is_no_run(tmp_path, command):
    (tmp_path / "empty").mkdir()
    parts = [f"{command[1]}: not a run directory (it has no recipe.yaml); give one such as runs/NAME"]
    refused(tmp_path, *command, parts=parts)

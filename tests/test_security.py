"""What comes from outside (models, data, recipes) stays data; what is secret stays where it is."""

from __future__ import annotations

import ast
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest

from star import cli
from star.console import console, errors
from star.errors import UserError, shown
from star.recipe import load_recipe
from star.secrets import redact, secret_in
from tests.command import contents, star

PRODUCT = Path(__file__).parent.parent / "star"
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PRODUCT.rglob("*.py"))}
SECRETS = {
    "HF_TOKEN": "hf_AbCdEfGhIjKlMnOp",
    "HUGGING_FACE_HUB_TOKEN": "hf_ZyXwVuTsRqPo",
    "WANDB_API_KEY": "0123456789abcdef0123",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "CLIENT_SECRET": "client-secret-value",
    "DB_PASSWORD": "correct horse battery",
}
SCRIPT = "<script>document.body.id='owned'</script>"
HOSTILE = [SCRIPT, "\"><img src=x onerror=document.body.id='owned'>", "$\\frac{", "[/bold]", "²", "a\x1b[2Jb\x00c\nd"]
IDS = ["../../x", "/etc/x-of-star", "a\nb", "a\x00b", "~/x", "..", "x" * 5000]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, random_models):
    """A finished run over names that mean harm, with secrets around it: its folder, what it printed, other files."""
    outside = tmp_path_factory.mktemp("outside")
    folder = outside / "a/b"
    folder.mkdir(parents=True)
    rows = [
        {"question": f"{i} + 1? {SCRIPT}", "answer": i + 1, "id": id, "group": HOSTILE[i % len(HOSTILE)]}
        for i, id in enumerate(IDS)
    ]
    (folder / "held-out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "train.jsonl").write_text('{"question": "5 + 5?", "answer": 10, "id": "t", "group": "g"}\n')
    recipe = {
        "name": "x",
        "iterations": 0,
        "task": {
            "kind": "jsonl",
            "train": "train.jsonl",
            "held_out": "held-out.jsonl",
            "fields": {"id": "id", "group": "group"},
            "prompt": f"{SCRIPT}</pre>{{question}}",
        },
        "model": {"path": str(random_models["llama"]), "device": "cpu", "threads": 1, "dtype": "float32"},
        "decoding": {"max_new_tokens": 8},
    }
    (folder / "r.yaml").write_text(json.dumps(recipe))
    before = contents(outside)
    done = star("run", "r.yaml", cwd=folder, **SECRETS)
    assert done.returncode == 0, done.stderr
    run = folder / "runs/x"
    after = {path: data for path, data in contents(outside).items() if run not in (path, *path.parents)}
    return run, done.stdout + done.stderr, before, after


# Code


def test_the_product_has_no_way_to_read_a_pickle_or_to_evaluate_text():
    modules = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    calls = {"eval", "exec", "torch.load", "np.load", "numpy.load", "pandas.read_pickle"}
    found = []
    for path, node in ((path, node) for path, tree in TREES.items() for node in ast.walk(tree)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imported = {alias.name.split(".")[0] for alias in node.names} | {(getattr(node, "module", "") or "")}
            is_bad = bool(imported & modules)
        else:
            is_bad = isinstance(node, ast.Call) and ast.unparse(node.func) in calls
            is_bad |= isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "weights_only")
        found += [f"{path}:{getattr(node, 'lineno', '')}"] * is_bad
    assert found == []


# Paths


def test_nothing_is_written_outside_the_run_whatever_ids_and_groups_are_called(hostile):
    run, _, before, after = hostile
    assert set(after) - set(before) <= {run.parent}
    assert all(after[path] == data for path, data in before.items())
    assert not Path("/etc/x-of-star").exists()
    rows = (run / "iterations/000/evaluation-zero-shot.jsonl").read_text().splitlines()
    assert {json.loads(row)["prompt"]["problem_id"] for row in rows} == set(IDS)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "x/../../y", "..", "x\n", "x\x00", "-x", ""])
def test_the_name_of_a_run_cannot_lead_elsewhere(tmp_path, name):
    (tmp_path / "r.yaml").write_text("name: x\ntask: {kind: arithmetic}\nmodel: {starter: {}}\n")
    with pytest.raises(UserError, match=r"name = .*: String should match pattern|is not valid YAML"):
        load_recipe(tmp_path / "r.yaml", [f"name={json.dumps(name)}"])


# Report


class Elements(HTMLParser):
    """Names of the elements of a page, and of their attributes with the values."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def assert_harmless(page):
    """One script and one style, ours; nothing that was handed in has become an element or an attribute."""
    elements = Elements(page)
    assert set(elements.tags) & {"iframe", "object", "embed", "form", "link", "base", "img"} == set()
    assert elements.tags.count("script") == elements.tags.count("style") == 1
    assert [
        name for name, _ in elements.attributes if name.startswith("on") or name in ("src", "srcset", "style")
    ] == []
    assert [value for name, value in elements.attributes if name == "id" and "owned" in value] == []
    links = [value for name, value in elements.attributes if name == "href"]
    assert all(link.startswith(("#", "https://arxiv.org/", "https://doi.org/")) for link in links)


def test_the_page_shows_hostile_names_and_recipes_as_text(hostile):
    run, _, _, _ = hostile
    text = (run / "report/index.html").read_text()
    assert "&lt;script&gt;document.body.id" in text
    assert_harmless(text)


def test_no_template_turns_escaping_off():
    templates = "".join(path.read_text() for path in PRODUCT.rglob("*.j2"))
    assert not any(way in templates for way in ("|safe", "| safe", "autoescape"))
    assert templates.count("<script") == templates.count('<script>{% include "page.js" %}</script>') == 1
    unescaped = [path.name for path, tree in TREES.items() if "Markup" in ast.unparse(tree)]
    assert unescaped == ["svg.py"]  # what it hands on was serialised by xml.etree, which escapes


def test_the_console_shows_hostile_names_as_text(hostile):
    _, printed, _, _ = hostile
    assert "\x1b" not in printed
    assert "\x00" not in printed


# Secrets


def test_no_token_of_the_environment_is_in_what_a_run_prints_or_writes(hostile):
    run, printed, _, after = hostile
    written = b"".join(data for data in (*contents(run.parent).values(), *after.values()) if data)
    assert len(written) > 10_000
    assert [name for name, value in SECRETS.items() if value in printed or value.encode() in written] == []


@pytest.mark.parametrize(
    "arguments", [["run", "{}.yaml"], ["run", "r.yaml", "--token={}"], ["report", "{}"], ["run", "r.yaml", "task.{}=1"]]
)
def test_no_token_is_in_an_error(tmp_path, arguments):
    (tmp_path / "r.yaml").write_text("name: x\ntask: {kind: arithmetic}\nmodel: {starter: {}}\n")
    token = SECRETS["HF_TOKEN"]
    done = star(*(argument.format(token) for argument in arguments), cwd=tmp_path, **SECRETS)
    assert done.returncode == 2
    assert "***" in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize("print_", [console.print, errors.print])
def test_whatever_is_printed_is_redacted(monkeypatch, capsys, print_):
    monkeypatch.setattr(os, "environ", dict(SECRETS))
    print_(f"note: {' and '.join(SECRETS.values())}, https://me:{'p' * 9}@host/x", markup=False)
    assert "".join(capsys.readouterr()) == f"note: {' and '.join(['***'] * len(SECRETS))}, https://***@host/x\n"


def test_the_traceback_of_a_bug_is_redacted_too(monkeypatch, capsys):
    monkeypatch.setattr(os, "environ", dict(SECRETS))
    try:
        raise RuntimeError(f"401 for {SECRETS['HF_TOKEN']}")
    except RuntimeError as error:
        cli._show_bug(type(error), error, error.__traceback__)
    message = capsys.readouterr().err
    assert "Traceback (most recent call last)" in message
    assert message.endswith("RuntimeError: 401 for ***\n\n")


def test_a_secret_is_hidden_before_a_value_is_cut(monkeypatch):
    monkeypatch.setattr(os, "environ", {"A_TOKEN": "secret-value", "B_TOKEN": "secret-value-and-more"})
    assert shown("x" * 20 + "secret-value-and-more", 30) == "'xxxxxxxxxxxxxxxxxxxx***'"


@pytest.mark.parametrize("name", ["HF_HUB_DISABLE_IMPLICIT_TOKEN", "TOKENIZERS_PARALLELISM", "SECRETARY", "PWD"])
def test_settings_are_no_secrets(monkeypatch, name):
    value = "1" if name.endswith("TOKEN") else "a-long-value"
    monkeypatch.setattr(os, "environ", {name: value})
    assert redact(f"see {value}") == f"see {value}"
    assert secret_in(value) is None

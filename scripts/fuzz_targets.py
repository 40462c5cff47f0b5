"""What `fuzz.py` fuzzes: for each target its inputs, all of them Python literals, and what is done with one."""

from __future__ import annotations

import json
import shutil
import typing
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from pydantic import BaseModel

from scripts.bench_verify import PIECES
from star.files import to_line
from star.recipe import Recipe, canonical, load_recipe, recipe_hash
from star.records import STATUSES, Problem
from star.store.journal import Journal, seals_of
from star.tasks import Task, build_task, problems_hash

RECIPES = Path(__file__).parents[1] / "recipes"
LONGEST = 5000
"""How often something is repeated or nested, at most."""


class Target(NamedTuple):
    """Inputs, and what is done with one in a folder for it; `UserError` refuses it."""

    inputs: st.SearchStrategy[Any]
    run: Callable[[Any, Path], None]


TIMES = st.integers(1, LONGEST)
TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "\u202e", "\u2028", "\ufeff", "\x1b[31m", "٤２½²", "a" * LONGEST, "🦆", "e\u0301", "\r"]
)
VALUES = st.sampled_from(["", "null", "true", "0", "-1", "0.5", "1e999", "[]", "{}", '""', "1" * LONGEST])
NESTED = st.builds(lambda pair, n: pair[0] * n + pair[1] * n, st.sampled_from(["[]", "{}", ('{"a":', "}")]), TIMES)


def encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@st.composite
def mutated(draw: Any, original: st.SearchStrategy[bytes], pieces: st.SearchStrategy[str]) -> bytes:
    """Bytes with a few changes: a part cut out or doubled, one bit flipped, or something else put there."""
    data = draw(original)
    for _ in range(draw(st.integers(0, 4))):
        low = draw(st.integers(0, len(data)))
        part = data[low : draw(st.integers(low, min(low + 20, len(data))) | st.integers(low, len(data)))]
        flipped = bytes([part[0] ^ 1 << draw(st.integers(0, 7))]) + part[1:] if part else b""
        other = draw(st.sampled_from([b"", part * 2, flipped]) | pieces.map(encoded) | st.binary(max_size=4))
        data = data[:low] + other + data[low + len(part) :]
    return data


# Recipes

_WORDS = r"""~ yes .nan -.inf 1e400 0o9 1_000 12:30:45 2020-01-01 2020-99-99 [[1]] {{}} [1,a] {1:x} [ } ' " | > - ? :
    , # & ! % @ ` &a *a &a[*a] . .. / /dev/zero ~/x arithmetic.yaml jsonl math numeric columns paper {question} {answer}
    """
_PHRASES = """&a [*a];&a {b: *a};!!int x;!!binary x;!!timestamp x;!!set {a};!!omap [a];!x y;a: b: c;{1: 2};{1.5: x};
    {null: x};{[a]: x};{[a]: {b: c}};<<: *a;<<: {extends: arithmetic.yaml};? [a];%YAML 1.1\n---\na: yes;--- a\n..."""
EXTREME = [
    f"0x{'f' * LONGEST}",
    '"\\0"',
    '"\\e[1m"',
    '"\\ud800"',
    "a" * LONGEST,
    "(" * LONGEST + ")" * LONGEST,
    "{extends: x}",
]
YAML = st.one_of(
    st.sampled_from([*_WORDS.split(), *map(str.strip, _PHRASES.split(";"))]),
    st.sampled_from(EXTREME),
    VALUES,
    NESTED,
    TEXT,
    TEXT.map(json.dumps),
)
KINDS = ["arithmetic", "gsm8k", "math", "jsonl, train: x", "reasoning_gym, data_set: jugs", "commonsenseqa"]


def dotted_keys(section: Any, prefix: str = "") -> Iterator[str]:
    """All keys that a recipe may have, as `train.lr`."""
    for part in typing.get_args(section):
        yield from dotted_keys(part, prefix)
    if isinstance(section, type) and issubclass(section, BaseModel):
        for name, field in section.model_fields.items():
            yield prefix + name
            yield from dotted_keys(field.annotation, f"{prefix}{name}.")


def section(key: str, value: str) -> str:
    """A line with a value for a dotted key: `train: {lr: 1}`."""
    first, *others = key.split(".")
    for part in reversed(others):
        value = f"{{{part}: {value}}}"
    return f"{first}: {value}\n"


def laughs(depth: int, width: int) -> str:
    """Lists of the list before: short as text, and endless written out."""
    return "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * width if i else '1')}]\n" for i in range(depth))


def recipe() -> Target:
    """A file among those that are shipped, and overrides. What is read can be written out and read back."""
    shipped = {str(file.relative_to(RECIPES)): file.read_bytes() for file in sorted(RECIPES.rglob("*.yaml"))}
    keys = st.sampled_from(sorted(dotted_keys(Recipe))) | st.sampled_from(
        ["extends", "<<", "task.train.3", f"task.train.{'1' * LONGEST}", "a" + ".a" * LONGEST, r'"\e[1m"']
    )
    odd_lines = st.builds("{}{}: {}\n".format, st.sampled_from(["", "  ", "- "]), keys | TEXT, YAML)
    lines = st.builds(section, keys, YAML) | odd_lines
    made = st.lists(lines | st.builds(laughs, st.integers(1, 40), st.integers(1, 9)), max_size=2).map("".join)
    pieces = YAML | lines | keys | st.sampled_from(["\n", "  ", ": ", "- ", "\t", "extends: arithmetic.yaml\n"])
    changed = mutated(st.sampled_from([*shipped.values()]), pieces)
    overrides = st.lists(st.builds("{}={}".format, keys, YAML) | TEXT, max_size=2)
    short = st.builds("name: x\ntask: {{kind: {}}}\nmodel: {{path: m}}\n{}".format, st.sampled_from(KINDS), made)
    texts = short.map(encoded) | short.map(encoded) | changed | st.binary(max_size=40)
    return Target(st.tuples(st.sampled_from(sorted(shipped)), texts, overrides), load_one_recipe)


def load_one_recipe(value: tuple[str, bytes, list[str]], folder: Path) -> None:
    beside, text, overrides = value
    if not (folder / "recipes").exists():
        shutil.copytree(RECIPES, folder / "recipes")
    file = (folder / "recipes" / beside).with_name("fuzzed.yaml")
    file.write_bytes(text)
    recipe = load_recipe(file, overrides)
    file.write_text(canonical(recipe), encoding="utf-8")
    again = load_recipe(file)
    assert (again, recipe_hash(again)) == (recipe, recipe_hash(recipe))
    build_task(recipe)


# Data

ANSWERS = ["12", "1,234", "-3/4", "2 cm", r"\frac{1}{2}", r"\{1, 2\}", "(1, 2]", "x = 3", "yes", "b", "bank", "1e400"]
FORMS = ["#### {}", r"\boxed{{{}}}", "1 + 1 = <<1+1=2>>2\n#### {}", "<answer>{}</answer>", "The answer is ({}).", "#{}"]
STATED = st.builds(str.format, st.sampled_from(FORMS), st.sampled_from(ANSWERS) | TEXT)
REPEATED = st.builds(lambda piece, n: piece * n, st.sampled_from(PIECES) | STATED, TIMES)
JSONL = {"kind": "jsonl", "bad_gold": "skip"}
ROW_TASKS: dict[str, dict[str, Any]] = {
    "gsm8k": {"kind": "gsm8k"},
    "commonsenseqa": {"kind": "commonsenseqa", "bad_gold": "skip"},
    "math": {"kind": "math", "timeout": 1.0, "bad_gold": "skip"},
    "exact": {**JSONL, "answer_pattern": r"(?:answer|####|boxed)\W+((?:\w+\W*)+)"},
    "choice": {**JSONL, "verifier": "choice", "prompt": "{question}\n{choices}"},
    "label": {**JSONL, "verifier": "label", "labels": ["yes", "no"], "fields": {"id": "id", "group": "level"}},
    "numeric": {**JSONL, "verifier": "numeric", "units": ["cm|centimeters", "m"], "tolerance": 0.01},
    "symbolic": {**JSONL, "verifier": "symbolic", "timeout": 1.0, "gold_pattern": r"(?:####|boxed) *([^\n]+)"},
}
"""Settings of tasks whose problems are rows."""
ROW = {
    "id": "1", "question": "What?", "problem": "What?", "level": "Level 1", "solution": r"\boxed{12}", "answerKey": "A",
}  # fmt: skip
CHOICES = [["bank", "yes"], {"label": ["A", "B"], "text": ["bank", "mall"]}]
FIELDS = st.sampled_from([*ROW, "answer", "choices", "stem", "label", "text", "unique_id", "type"])
JSON = st.one_of(
    VALUES,
    NESTED,
    st.sampled_from(["NaN", "-0", *map(json.dumps, CHOICES), '["a", 1]', '{"a": 1, "a": 2}', r'"\ud83e\udd86"', "{"]),
    (TEXT | STATED | REPEATED).map(json.dumps),
    (TEXT | STATED | REPEATED).map(lambda text: json.dumps(text, ensure_ascii=False)),
)


def to_row(answer: str, choices: Any, odd: dict[str, str], missing: set[str]) -> bytes:
    """A line whose fields are right but for the odd ones and the missing ones."""
    right = {key: json.dumps(value) for key, value in {**ROW, "answer": answer, "choices": choices}.items()}
    fields = {key: value for key, value in right.items() if key not in missing} | odd
    return encoded("{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}\n")


def data() -> Target:
    """The training file of a task. Its problems can be stored, asked and judged."""
    missing = st.just(set()) | st.just({"answer"}) | st.sets(FIELDS, max_size=2)
    rows = st.builds(to_row, STATED, st.sampled_from(CHOICES), st.dictionaries(FIELDS, JSON, max_size=2), missing)
    files = st.lists(rows, min_size=1, max_size=3).map(b"".join)
    return Target(st.tuples(st.sampled_from(sorted(ROW_TASKS)), files | mutated(files, JSON)), load_one_file)


@lru_cache
def row_task(name: str, path: Path = Path("train.jsonl")) -> Task:
    settings = ROW_TASKS[name] | {"train" if ROW_TASKS[name]["kind"] == "jsonl" else "path": str(path)}
    return build_task(Recipe.model_validate({"name": "fuzzed", "task": settings, "model": {"path": "none"}}))


def load_one_file(value: tuple[str, bytes], folder: Path) -> None:
    name, text = value
    file = folder / "train.jsonl"
    file.write_bytes(text)
    known = row_task(name, file)
    task = type(known)(known.settings)  # which has read nothing yet
    task.verifier = known.verifier  # which has its workers already
    for problem in task.load(task.source, "train"):
        assert Problem.from_dict(json.loads(to_line(problem.to_dict()).encode())) == problem
        assert all(task.question(problem, hinted) for hinted in (False, True))
        assert task.judge(problem, task.bare_answer(problem)).status in STATUSES
        problems_hash([problem])


# Journals


def journal() -> Target:
    """Waves, which of the two files is damaged, and where it is cut off or has other bytes."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
    row = st.dictionaries(st.text(max_size=3), leaves | st.lists(leaves, max_size=2), max_size=2)
    waves = st.lists(st.lists(row, max_size=3), max_size=4)
    return Target(st.tuples(waves, st.booleans(), st.floats(0, 1), st.binary(max_size=3)), damage_one_journal)


def damage_one_journal(value: tuple[list[list[dict[str, Any]]], bool, float, bytes], folder: Path) -> None:
    """It is refused, or holds the first waves as they were written and no others, and more can be added."""
    waves, in_seals, share, other = value
    path = folder / "rows.journal"
    for file in (path, seals_of(path)):
        file.unlink(missing_ok=True)
    journal = Journal(path)
    for wave in waves:
        journal.append(wave)
    damaged = seals_of(path) if in_seals else path
    written = damaged.read_bytes() if damaged.exists() else b""
    at = int(share * len(written))
    damaged.write_bytes(written[:at] + other + written[at + len(other) :] * bool(other))
    journal = Journal(path)
    found = list(journal.rows())
    prefixes = [[row for wave in waves[:n] for row in wave] for n in range(len(waves) + 1)]
    assert journal.count == len(found)
    assert found in prefixes, found
    journal.append([{"last": 1}])
    assert list(Journal(path).rows()) == [*found, {"last": 1}]


# Judging

GYM = {
    "chain_sum": "12", "spell_backward": "a b\nc", "number_sorting": "['1', '2']", "power_function": "8.05e-06",
    "pool_matrix": "5.75 6.25\n7.0 5.25", "prime_factorization": "3 × 37", "countdown": "40*(94 - 90) + 83",
    "polynomial_multiplication": "x**2 - 3*x*y/2 + 2", "simple_integration": "x**2/2 + sin(x) + C",
}  # fmt: skip
"""A data set of reasoning-gym for each way of comparing, and a ground truth."""
SCORED_THERE = ["boxnet", "jugs", "n_queens", "rush_hour", "shortest_path", "tower_of_hanoi", "word_ladder"]
"""Some that reasoning-gym itself scores."""
SUMS = [("columns", "addition"), ("columns", "multiplication"), ("paper", "addition"), ("words", "subtraction")]


def judged() -> Iterator[tuple[str, Task, Problem]]:
    """Tasks of all kinds, with a problem."""

    def task(**settings: Any) -> Task:
        return build_task(Recipe.model_validate({"name": "fuzzed", "task": settings, "model": {"path": "none"}}))

    for style, operation in SUMS:
        sums = task(kind="arithmetic", style=style, operation=operation)
        yield f"{style} {operation}", sums, sums.problem((47, 36), 2, "p")
    for name in ROW_TASKS:
        for number, answer in enumerate(ANSWERS):
            problem = Problem("p", name, "What?", answer, ("bank", "yes"))
            if row_task(name).verifier.check_gold(problem) is None:
                yield f"{name} {number}", row_task(name), problem
    if find_spec("reasoning_gym"):
        for name, answer in GYM.items():
            yield name, task(kind="reasoning_gym", data_set=name, timeout=1.0), Problem("p", name, "What?", answer)
        mixed = {"datasets": [{"name": name} for name in SCORED_THERE]}
        several = task(kind="reasoning_gym", data_set="composite", options=mixed, train=30, timeout=1.0)
        yield from {p.group: (p.group, several, p) for p in several.problems("train")}.values()


def judge() -> Target:
    """A problem, and what a model wrote: pieces, right answers among them, and the same piece again and again."""
    problems = {name: (task, problem) for name, task, problem in judged()}
    right = st.sampled_from([task.bare_answer(problem) for task, problem in problems.values()])
    pieces = st.sampled_from(PIECES) | st.sampled_from(["\n", " = ", "answer is ", "<scratch>", "</scratch>\n"]) | right
    texts = st.lists(pieces | STATED | TEXT, max_size=9).map("".join)
    texts = st.builds("{}{}".format, texts, STATED) | st.builds("{}{}{}".format, texts, REPEATED, STATED) | texts

    def run(value: tuple[str, str], _folder: Path) -> None:
        (task, problem), text = problems[value[0]], value[1]
        assert task.judge(problem, text).status in STATUSES
        steps = task.steps(problem, text)
        assert 0 <= len(steps.wrong) <= steps.checked

    return Target(st.tuples(st.sampled_from(sorted(problems)), texts), run)


TARGETS: dict[str, Callable[[], Target]] = {"recipe": recipe, "data": data, "journal": journal, "judge": judge}

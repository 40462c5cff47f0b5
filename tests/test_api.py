"""The Python API: five lines run a recipe, the user's own objects take part, and docs/api.md keeps its word."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from star import UserError, load_recipe, run
from star.evaluation import choose_subject
from star.files import read_json, read_rows

PAGE = (Path(__file__).parent.parent / "docs/api.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def own():
    """The classes that docs/api.md defines."""
    names = {"__name__": "documented"}
    for example in EXAMPLES[1:]:
        exec(example, names)
    return names


@pytest.fixture
def custom_recipe(tmp_path, random_models):
    """One whose task is an object."""
    path = tmp_path / "custom.yaml"
    path.write_text(
        f"name: custom\niterations: 0\ntask: {{kind: custom}}\ndecoding: {{max_new_tokens: 8}}\n"
        f"model: {{path: {random_models['llama']}, device: cpu, threads: 1}}\n"
    )
    return path


def test_importing_it_does_not_wait_for_torch(tiny_recipe):
    code = (
        "import sys; from star import load_recipe, run, UserError; load_recipe(sys.argv[1], seed=3)\n"
        "sys.exit(str({'torch', 'transformers', 'datasets', 'matplotlib'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny_recipe], capture_output=True, text=True, check=False)
    assert done.stderr.strip() in ("", "set()")


def test_keywords_and_overrides_change_a_recipe(tiny_recipe):
    recipe = load_recipe(tiny_recipe, ["train.rank=8"], iterations=1, **{"train.lr": 1e-5, "task.train": {1: 20}})
    assert (recipe.iterations, recipe.train.rank, recipe.train.lr, recipe.task.train) == (1, 8, 1e-5, {1: 20})
    with pytest.raises(UserError, match="iterationz: unknown key; did you mean iterations"):
        load_recipe(tiny_recipe, iterationz=2)


def test_the_five_lines_of_the_docs_run_and_go_on_with_what_is_there(tiny_run, tmp_path, monkeypatch, capsys):
    """On the run of the tiny recipe, whose iterations are not made again."""
    shutil.copytree(tiny_run, tmp_path / "runs/mine")
    (tmp_path / "recipes").mkdir()
    shutil.copy(tiny_run.parent.parent / "tiny.yaml", tmp_path / "recipes/arithmetic.yaml")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(EXAMPLES[0], names)
    result = names["result"]
    assert result.metrics == read_rows(tiny_run / "metrics.jsonl")
    assert result.adapter == Path("runs/mine/iterations/002/adapter")
    assert (result.adapter / "adapter_model.safetensors").is_file()
    assert result.best in (1, 2)
    assert result.report.is_file()
    assert f"{result.metrics[-1]['accuracy']} {result.adapter}" in capsys.readouterr().out


def test_a_task_of_ones_own_runs_and_is_recorded(custom_recipe, own, tmp_path):
    result = run(load_recipe(custom_recipe), tmp_path / "run", task=own["Doubles"]())
    assert result.metrics[0]["accuracy"]["zero-shot"]["all"]["total"] == 10
    assert result.adapter is None
    assert read_json(tmp_path / "run/run.json")["custom"] == {"task": "documented.Doubles 1"}


@pytest.mark.parametrize("wrong", [{"answer": 4}, {"meta": {"t": {1: 2}}}, {"meta": {"x": float("nan")}}])
def test_a_problem_of_ones_own_that_would_not_be_read_back_is_refused_before_the_run(
    custom_recipe, own, tmp_path, wrong
):
    class Odd(own["Doubles"]):
        def problems(self, split):
            return [replace(problem, **wrong) for problem in super().problems(split)]

    with pytest.raises(UserError, match="cannot be written as JSON and read back"):
        run(load_recipe(custom_recipe), tmp_path / "run", task=Odd())


def test_a_run_trains_on_what_objects_of_ones_own_ask_write_and_accept(custom_recipe, own, tmp_path, capsys):
    from star.cli import main

    class LastDigit(own["IgnoreCase"]):
        version = "last digit 1"

        def canonical(self, answer, problem):
            return answer.strip()[-1:] or None

    class Sixes(own["Parrot"]):
        def sample(self, prompts, decoding, seed):
            return [
                type(one)(one.problem_id, one.sample_index, "3+3\n#6", 6, "eos", one.seed, one.model)
                for one in super().sample(prompts, decoding, seed)
            ]

    keys = {"train.steps": {"start": 1}, "rationalization.probability": 0, "train.rank": 2}
    recipe, objects = load_recipe(custom_recipe, iterations=1, **keys), {"verifier": LastDigit(), "sampler": Sixes()}
    result = run(recipe, tmp_path / "run", task=own["Doubles"](), **objects)
    assert result.metrics[1]["solved"] == 8  # doubles that end in 6, of 1 to 39
    assert {row["target"] for row in read_rows(tmp_path / "run/iterations/001/train.jsonl")} == {"3+3\n#6"}
    assert read_json(tmp_path / "run/run.json")["custom"]["sampler"].endswith("Sixes parrot 1")
    example = read_rows(tmp_path / "run/iterations/001/train.jsonl")[0]["attempt_id"]
    capsys.readouterr()
    assert main(["trace", str(tmp_path / "run"), example]) == 0
    assert "Sixes parrot 1" in capsys.readouterr().out
    assert main(["replay", str(tmp_path / "run"), example]) == 2
    assert "an object of your own" in capsys.readouterr().err
    for arguments in (
        ["eval", str(tmp_path / "run")],
        ["export", str(tmp_path / "run"), "--lm-eval", str(tmp_path / "x")],
    ):
        assert main(arguments) == 2
        assert "its task is an object of your own, documented.Doubles 1" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "run"), "--adapter", str(tmp_path / "adapter")]) == 0
    objects["sampler"].version = "parrot 2"
    with pytest.raises(UserError, match=r"custom: .*parrot 1.* -> .*parrot 2"):
        run(recipe, tmp_path / "run", task=own["Doubles"](), **objects)


def test_a_verifier_of_ones_own_judges_the_problems_of_a_recipe(tiny_recipe, own, tmp_path):
    class Never(own["IgnoreCase"]):
        version = "never 1"

        def verify(self, answer, problem):
            return type(super().verify(answer, problem))("wrong", answer)

    result = run(load_recipe(tiny_recipe, iterations=0), tmp_path / "run", verifier=Never())
    assert result.metrics[0]["accuracy"]["zero-shot"]["all"]["correct"] == 0
    assert read_json(tmp_path / "run/run.json")["verifier"].startswith("never 1")
    with pytest.raises(UserError, match="what this run stands on has changed"):
        run(load_recipe(tiny_recipe, iterations=0), tmp_path / "run")
    with pytest.raises(UserError, match=r"its verifier is an object of your own.*Never never 1.*--task"):
        choose_subject(tmp_path / "run")
    assert choose_subject(tmp_path / "run", task=str(tiny_recipe)).number == 0


def test_the_sampler_is_let_go_when_the_run_is_over(custom_recipe, own, tmp_path):
    calls = []

    class Noting(own["Parrot"]):
        def sample(self, prompts, decoding, seed):
            calls.append("sample")
            return super().sample(prompts, decoding, seed)

        def release(self):
            calls.append("release")

    run(load_recipe(custom_recipe), tmp_path / "run", task=own["Doubles"](), sampler=Noting())
    assert calls[-2:] == ["sample", "release"]


@pytest.mark.parametrize(("kind", "last"), [("vllm", "release"), ("local", "sample")])
def test_a_run_that_fails_ends_processes_and_leaves_what_is_saved(custom_recipe, own, tmp_path, kind, last):
    """`release` ends the process of vLLM, and drops what servers have sent."""
    calls = []

    class Failing(own["Parrot"]):
        def sample(self, prompts, decoding, seed):
            calls.append("sample")
            raise UserError("the engine is broken")

        def release(self):
            calls.append("release")

    recipe = load_recipe(custom_recipe, [f"sampler.kind={kind}"])
    with pytest.raises(UserError, match="the engine is broken"):
        run(recipe, tmp_path / "run", task=own["Doubles"](), sampler=Failing())
    assert calls[-1] == last


def test_what_is_no_task_verifier_or_sampler_is_refused_with_the_remedy(custom_recipe, tiny_recipe, own, tmp_path):
    class Unversioned(own["Parrot"]):
        version = None

    custom, tiny = load_recipe(custom_recipe), load_recipe(tiny_recipe)
    for recipe, objects, message in (
        (custom, {}, r"give it as star\.run\(recipe, folder, task=\.\.\.\)"),
        (tiny, {"task": own["Doubles"]()}, "a recipe for an object says `task: {kind: custom}`"),
        (custom, {"task": "doubles"}, r"task: builtins\.str is no subclass of star\.tasks\.base\.Task"),
        (tiny, {"verifier": own["Parrot"]()}, r"is no subclass of star\.verify\.base\.Verifier"),
        (tiny, {"sampler": own["Doubles"]()}, "lacks use, sample, release"),
        (tiny, {"sampler": Unversioned()}, "has no `version`"),
    ):
        with pytest.raises(UserError, match=message):
            run(recipe, tmp_path / "run", **objects)
    assert not (tmp_path / "run").exists()

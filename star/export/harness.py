"""A task with which lm-evaluation-harness scores the adapter itself, on the run's held-out problems and prompts.

    lm_eval --include_path DIR --tasks NAME --model hf --model_args pretrained=BASE,peft=ADAPTER

Format: https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/task_guide.md
"""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

from star.audit.provenance import recipe_of
from star.errors import UserError
from star.evaluation.harness import harness_task
from star.evaluation.subject import Subject, choose_subject
from star.files import to_line
from star.preflight import base_tokenizer
from star.prompts import PromptBuilder, evaluates_with_exemplars
from star.recipe import canonical
from star.store import Artefacts, Store
from star.tasks import build_task, load_held_out

TASK = """\
# The held-out problems of the STaR run {run}, as iteration {number} was evaluated on them ({mode}).
task: {name}
custom_dataset: !function scoring.problems
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{answer}}}}"
process_results: !function scoring.process_results
generation_kwargs: {arguments}
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1}}
"""


def write_harness_task(store: Store, number: int, folder: Path, final: Path) -> str:
    """Write the files of the task into `folder`, to be moved to `final`; returns the command that uses them.

    Raises:
        UserError: the adapter was not kept, or evaluation is not greedy.
    """
    subject = choose_subject(store.folder, iteration=str(number))
    recipe, task = recipe_of(store, Artefacts(store, number)) or store.recipe, build_task(subject.recipe)
    decoding = task.with_stop(recipe.evaluation_decoding)
    if decoding.temperature > 0:
        raise UserError(
            f"evaluation.decoding.temperature = {decoding.temperature}: lm-eval would draw other samples; "
            "this works for runs whose evaluation is greedy"
        )
    exemplars = max(evaluates_with_exemplars(recipe, number))
    mode = "few-shot" if exemplars else "zero-shot"
    name, command = harness_task(recipe, mode), _command(subject, final, harness_task(recipe, mode))
    prompts = PromptBuilder(task, recipe.prompt, base_tokenizer(subject.recipe, task)[0], recipe.method == "direct")
    problems = load_held_out(subject.recipe, task)
    rows = [
        {"id": problem.id, "prompt": prompt.text, "answer": problem.answer, "problem": json.dumps(problem.to_dict())}
        for problem, prompt in zip(problems, prompts.prompts(problems, False, exemplars), strict=True)
    ]
    arguments = {
        "until": list(decoding.stop or ()),
        "max_gen_toks": decoding.max_new_tokens,
        "do_sample": False,
        "temperature": 0.0,
    }
    text = TASK.format(run=recipe.name, number=number, mode=mode, name=name, arguments=json.dumps(arguments))
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "problems.jsonl").write_text("".join(map(to_line, rows)), encoding="utf-8")
    (folder / "recipe.yaml").write_text(canonical(subject.recipe), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("harness_scoring.py"), folder / "scoring.py")
    return command


def _command(subject: Subject, folder: Path, name: str) -> str:
    """What scores the adapter. Prompts of a chat template have their special tokens already."""
    model = {"pretrained": subject.checkpoint.name, "peft": subject.adapter}
    more = {"revision": subject.checkpoint.revision, "add_bos_token": "False" if subject.recipe.prompt.chat else None}
    given = {key: value for key, value in {**model, **more}.items() if value is not None}
    arguments = ",".join(f"{key}={value}" for key, value in given.items())
    words = ["--include_path", folder, "--tasks", name, "--model", "hf", "--model_args", arguments]
    return f"lm_eval {shlex.join(map(str, words))} --output_path RESULTS --log_samples"

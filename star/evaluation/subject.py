"""Which model is scored on which problems: a run, a model and a task become one recipe, whose model is a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from star.console import console
from star.errors import UserError
from star.models import Checkpoint, choose_device, choose_dtype, recorded_checkpoint, resolve_checkpoint
from star.recipe import Recipe, load_recipe, make_recipe
from star.store import Store
from star.store.retention import VERIFIER_WEIGHTS, WEIGHTS, best, retired
from star.tasks import TASKS, known_task
from star.tasks.guess import guess

Settings = dict[str, Any]
FROM_TASK = ("task", "prompt", "decoding", "evaluation", "method", "seed", "limit")
"""What a recipe given with `--task` says; model and engine are another matter."""
KEPT_PROMPT = ("chat", "system")
"""What of a run's prompts goes for other problems too: its exemplars do not."""
NAMES = ("base", "best")
"""What `--iteration` takes beside a number."""


@dataclass(frozen=True)
class LearnedVerifier:
    """A verifier that a run has trained (`star/ranker.py`).

    Attributes:
        number: of the iteration that it was trained after.
        adapter, sha256: its folder, and the hash of its weights.
        kept: whether the weights are still there (recipe key `keep`).
    """

    number: int
    adapter: Path
    sha256: str
    kept: bool


@dataclass(frozen=True)
class Subject:
    """What is to be scored.

    Attributes:
        recipe: problems, prompts and decoding; its model is `checkpoint`.
        checkpoint: the base model, or the model itself.
        number: of the iteration; 0 for a base model, or a model of no run.
        adapter, adapter_sha256: of that iteration.
        root: where evaluations are kept by default.
        verifiers: what may rank several samples of a problem, the first choice first, if `evaluation.best_of` asks for
            that. Only the last can be kept: those before it may have ranked while they were.
        must_rank: whether scores that no verifier ranked are not what was asked for.
    """

    recipe: Recipe
    checkpoint: Checkpoint
    number: int
    adapter: Path | None
    adapter_sha256: str | None
    root: Path
    verifiers: tuple[LearnedVerifier, ...] = ()
    must_rank: bool = False


def choose_subject(
    run: Path | None,
    model: str | None = None,
    iteration: str | None = None,
    task: str | None = None,
    overrides: Sequence[str] = (),
    best_of: int | None = None,
) -> Subject:
    """Find a model, and the problems to score it on.

    Args:
        run: a run directory.
        model: hub id, folder or GGUF file, in the place of what the run trained.
        iteration: a number, `base` or `best`; the last finished one by default.
        task: a recipe (`.yaml`), the `kind` of a task, or a JSONL file; the run's own by default.
        overrides: `key=value`, as for `star run`.
        best_of: how many samples of each problem a verifier of the run must rank; as `evaluation.best_of` by default,
            which ranks where there is a verifier.

    Raises:
        UserError: no such run, iteration, model, verifier or task; a key or value is wrong, or says something else than
            `best_of`; or what the run's problems are judged by is an object of the user's own.
    """
    if run is None and (model is None or task is None):
        raise UserError("say what to score: a run directory, or --model MODEL and --task TASK")
    if model is not None and iteration is not None:
        raise UserError(f"--iteration {iteration} belongs to a run, and --model {model} is none: leave one out")
    if model is not None and best_of is not None:
        raise UserError(f"--best-of {best_of} asks a verifier of a run, and --model {model} has none: leave one out")
    settings: Settings = {}
    number, adapter, sha256 = 0, None, None
    if run is not None:
        store = Store.existing(run)
        settings = store.recipe.model_dump()
        if model is None:
            number = _number(store, iteration)
            settings["model"] = _recorded_model(store, settings["model"])
            adapter = store.adapter(number)
            sha256 = store.manifest(adapter.parent)["files"][WEIGHTS]["sha256"] if adapter else None
        _mind_own_objects(store, own_task=task is None)
    if task is not None:
        settings |= _task_settings(task, settings)
    if model is not None:
        settings["model"] = _model_settings(model, settings.get("model", {}))
        _leave_servers(settings)
    settings.setdefault("name", "evaluation")
    _leave_ranking(settings, task, best_of)
    if best_of is not None and settings["verifier"] is None:
        raise _no_verifier(best_of, run, number)
    if best_of is not None:
        overrides = [f"evaluation.best_of.samples={best_of}", *overrides]
    recipe = make_recipe(settings, {}, "of this evaluation", overrides)
    if best_of is not None:
        _require_agreement(best_of, recipe)
    verifiers = _verifiers(store, number) if recipe.evaluation.best_of and model is None else ()
    if best_of is not None and not verifiers:
        raise _no_verifier(best_of, run, number)
    root = Path("evaluations") if run is None else run / "evaluations"
    checkpoint = resolve_checkpoint(recipe, known_task(recipe))
    return Subject(recipe, checkpoint, number, adapter, sha256, root, verifiers, best_of is not None)


def _leave_ranking(settings: Settings, task: str | None, best_of: int | None) -> None:
    """Take out what a recipe may say of ranking where nothing ranks: no verifier, or a task that none is for.

    Raises:
        UserError: `best_of` asks for it all the same.
    """
    method = settings.get("method", "star")
    if settings.get("verifier") and method != "star":  # the task's method: a run that has a verifier has another
        if best_of is not None:
            raise UserError(
                f"--best-of {best_of}: a verifier ranks what a fine-tuned model attempts, and --task {task} has "
                f"method: {method}; leave --best-of out"
            )
        settings["verifier"] = None
    if settings.setdefault("verifier", None) is None:
        settings["evaluation"] = {**settings.get("evaluation", {}), "best_of": None}  # a task's recipe may ask for it


def _verifiers(store: Store, number: int) -> tuple[LearnedVerifier, ...]:
    """The verifier of an iteration and those before it, the last one first, down to one whose weights are kept."""
    found = []
    for folder in reversed(store.finished()):
        trained, weights = int(folder.name), store.manifest(folder)["files"].get(VERIFIER_WEIGHTS)
        if trained > number or not weights:
            continue
        kept = VERIFIER_WEIGHTS not in retired(folder)
        found.append(LearnedVerifier(trained, (folder / VERIFIER_WEIGHTS).parent, weights["sha256"], kept))
        if kept:
            store.require_intact(folder)
            break
    return tuple(found)


def _require_agreement(best_of: int, recipe: Recipe) -> None:
    """Refuse overrides that say something else than `--best-of`, which was applied before them."""
    asked = recipe.evaluation.best_of
    if asked is None or asked.samples != best_of:
        found = "null" if asked is None else f"{{samples: {asked.samples}, temperature: {asked.temperature}}}"
        raise UserError(
            f"--best-of {best_of}, and by an override evaluation.best_of is {found}: leave one out; for another "
            f"temperature alone: --best-of {best_of} evaluation.best_of.temperature=1.0"
        )


def _no_verifier(best_of: int, run: Path, number: int) -> UserError:
    return UserError(
        f"--best-of {best_of}: {run} keeps no verifier of iteration {number} or before it that could rank; one is "
        f"trained where the recipe has the key verifier (docs/verifier.md); {without_ranking(best_of)}"
    )


def without_ranking(best_of: int) -> str:
    """What to ask for instead of `--best-of`, in words."""
    return (
        "for pass@k and majority@k alone, instead of --best-of: evaluation.best_of=null "
        f"'evaluation.decoding={{temperature: 0.7, samples: {best_of}}}'"
    )


def _mind_own_objects(store: Store, own_task: bool) -> None:
    """Refuse what only an object that a run was given from Python could do; `own_task`: on the run's own problems."""
    custom = store.read_run().get("custom", {})
    for name in ("task", "verifier"):
        if own_task and name in custom:
            raise UserError(
                f"{store.folder}: its {name} is an object of your own, {custom[name]}, which is in no file of the run; "
                "the run's own scores are in metrics.jsonl, and star eval --task scores it on other problems"
            )
    if "sampler" in custom:
        console.print(
            f"note: the run sampled with an object of your own, {custom['sampler']}, which is in no file of it; "
            "it is scored without that",
            markup=False,
        )


def _leave_servers(settings: Settings) -> None:
    """The servers of a run serve its own base model: another one is sampled here, unless an override names others."""
    if settings.get("sampler", {}).get("kind") == "openai":
        settings["sampler"] |= {"kind": "local", "openai": None}
        console.print(
            "note: the recipe's servers have the run's own model, so this one is sampled here; for servers that have "
            "this one: 'sampler={kind: openai, openai: {urls: [...]}}'",
            markup=False,
        )


def _number(store: Store, asked: str | None) -> int:
    """The number of a finished iteration."""
    finished = [int(folder.name) for folder in store.finished()]
    if not finished:
        raise UserError(f"{store.folder}: no iteration is finished yet, so there is nothing to score")
    if asked is None:
        return finished[-1]
    if asked == "best":
        return best(store.metrics()) or 0
    number = 0 if asked == "base" else int(asked) if asked.isdecimal() and len(asked) < 10 else None
    if number not in finished:
        raise UserError(
            f"--iteration {asked}: {store.folder} has {', '.join(map(str, finished))}, and {' and '.join(NAMES)}"
        )
    return number


def _recorded_model(store: Store, settings: Settings) -> Settings:
    """The run's base model, as the checkpoint that it turned out to be, which must be what it was."""
    recipe = store.recipe
    recorded = store.read_run().get("base_model_sha256")
    checkpoint = recorded_checkpoint(recipe, known_task(recipe), recorded, store.folder)
    dtype = choose_dtype(recipe.model, choose_device(recipe.model)) if recipe.model.starter else None
    return {
        **_machine(settings),
        **({"dtype": str(dtype).removeprefix("torch.")} if dtype else {}),  # a path does not say that it is a starter
        "path": checkpoint.name,
        "revision": checkpoint.revision,
        "trust_remote_code": checkpoint.trust_remote_code,
    }


def _model_settings(model: str, before: Settings) -> Settings:
    return {**_machine(before), "gguf" if model.lower().endswith(".gguf") else "path": model}


def _machine(settings: Settings) -> Settings:
    """What a model is computed with, whichever it is."""
    return {key: settings[key] for key in ("dtype", "device", "threads") if key in settings}


def _task_settings(task: str, before: Settings) -> Settings:
    """The sections of a recipe that stand for a task."""
    path = Path(task)
    if path.suffix in (".yaml", ".yml"):
        found = load_recipe(path).model_dump()
        once = {"iterations": 1} if found["method"] == "curate" else {}  # which has no others
        return {key: found[key] for key in FROM_TASK} | once | ({} if before else {"model": found["model"]})
    prompt = {key: before["prompt"][key] for key in KEPT_PROMPT} if before else {}
    if task in TASKS:
        return {"task": {"kind": task}, "prompt": prompt}
    if path.suffix in (".json", ".jsonl"):
        return {"task": guess(path).settings() | {"held_out": str(path)}, "prompt": prompt}
    raise UserError(
        f"--task {task}: neither a recipe (a .yaml file), nor a JSONL file, nor a kind of task; "
        f"the kinds are {', '.join(TASKS)}"
    )

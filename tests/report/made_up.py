"""Run directories of any length, made up in a moment: what a report reads of them, and nothing else."""

from __future__ import annotations

import json
import random
from pathlib import Path

from star.audit.signals import SIGNALS
from star.evaluate import wilson_interval
from star.files import to_line, write_json
from star.records import Attempt, Completion, Problem, Prompt, Verdict

GROUPS = ("1 digit", "2 digits", "3 digits")
KINDS = ("accepted", "rationalized", "rejected", "newly_solved", "forgotten", "false_positive", "hint_leak")
EXEMPLARS = "".join(f"Q: What is {n} + {n}?\nA: {n} plus {n} is {2 * n}.\n#### {2 * n}\n\n" for n in range(10, 20))
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "\u202eright to left\u202c שלום",
    "nul\x00 bell\x07 escape\x1b[2J",
    "$\\frac{1}{2}$ and ${x}",
    "{{ 7 * 7 }} {% raw %}",
    "</style><style>body{display:none}</style>",
)


def make_run(
    folder: Path,
    iterations: int = 3,
    *,
    collapse: bool = False,
    hostile: bool = False,
    each: int = 2,
    groups: tuple[str, ...] = GROUPS,
    text_length: int = 0,
    seed: int = 0,
) -> Path:
    """A run that gets better, or collapses; with texts that mean harm, if `hostile`.

    Args:
        each: specimens of each kind in an iteration.
        text_length: characters that are added to every text.
    """
    draw = random.Random(seed)
    folder.mkdir(parents=True)
    groups = HOSTILE[:3] if hostile else groups
    recipe = f"name: {folder.name}\niterations: {iterations}\nmethod: star\n"
    (folder / "recipe.yaml").write_text(recipe + "".join(f"# {text}\n" for text in HOSTILE if hostile))
    write_json(folder / "run.json", _facts(hostile))
    rows = []
    for number in range(iterations + 1):
        place = folder / f"iterations/{number:03d}"
        place.mkdir(parents=True)
        progress = number / max(iterations, 1)
        signals = _signals(progress, collapse, draw) if number else {}
        audit = _audit(number, progress, signals, groups)
        rows.append(_metrics(number, progress, collapse, audit, groups, draw))
        write_json(place / "audit.json", audit)
        if number:
            specimens = _specimens(number, each, groups, hostile, text_length, draw)
            (place / "specimens.jsonl").write_text("".join(map(to_line, specimens)), encoding="utf-8")
    (folder / "metrics.jsonl").write_text("".join(map(to_line, rows)), encoding="utf-8")
    return folder


def score(correct: float, total: int) -> dict:
    correct = min(max(round(correct), 0), total)
    low, high = wilson_interval(correct, total)
    return {
        "correct": correct,
        "total": total,
        "accuracy": correct / total,
        "low": low,
        "high": high,
        "false_positives": 0,
    }


def _accuracy(progress: float, collapse: bool) -> float:
    return 0.2 + (1.4 * progress * (1.25 - progress) if collapse else 0.7 * progress**0.6)


def _metrics(number: int, progress: float, collapse: bool, audit: dict, groups: tuple[str, ...], draw) -> dict:
    share = _accuracy(progress, collapse)
    of_group = {name: share * (1.2 - 0.3 * place) + draw.uniform(-0.05, 0.05) for place, name in enumerate(groups)}
    scores = {
        "all": score(60 * len(groups) * share, 60 * len(groups)),
        "groups": {name: score(60 * share, 60) for name, share in of_group.items()},
        "pass_at": {"1": share, "2": min(1, share * 1.15), "4": min(1, share * 1.3)},
        "majority_at": {"1": share, "2": share, "4": min(1, share * 1.1)},
    }
    row = {"iteration": number, "accuracy": {"zero-shot": scores}, "audit": audit["signals"], "funnel": audit["funnel"]}
    if number == 0:
        return row | {"seconds": {"evaluation-zero-shot": 0.9, "reference": 0.5}, "spent": {"sampling": 1.0}}
    solved = audit["funnel"]["plain"]["trained"]
    stages = {"attempts": 8.2 + number / 3, "rationalizations": 3.5, "train": 0.2, "adapter": 60 + number}
    return row | {
        "seconds": stages | {"evaluation-zero-shot": 0.9, "scores": 0.1, "reference": 0.5, "audit": 1.2},
        "spent": {"sampling": 12.0, "fine-tuning": 60.0 + number, "loading": 0.4, "verifying": 0.9, "other": 1.4},
        "problems": 400,
        "solved": solved,
        "hinted": 400 - solved,
        "rationalized": 60,
        "examples": solved + 105,
        "examples_carried": 20,
        "train_loss_last": 0.9 * 0.8**number,
        "false_positives": {"plain": 4, "hinted": 2},
        "checkable": {"plain": 90, "hinted": 60},
        "sampled_tokens": 16_000 + 500 * number,
        "joules": 5200.0 + 100 * number,
    }


def _signals(progress: float, collapse: bool, draw) -> dict:
    """Values of every signal; two of them were not measured, unless the run is the one that collapses."""
    worse = progress if collapse else 0.1 * progress
    began_and_change = {
        "distinct_1": (0.3, -0.2),
        "distinct_2": (0.6, -0.4),
        "distinct_3": (0.75, -0.4),
        "self_bleu": (0.4, 0.5),
        "rationale_words": (31, -12),
        "compression_ratio": (3, 3),
        "word_entropy": (6.4, -2),
        "near_duplicates": (0.1, 0.7),
        "forgotten": (0.01, 0.2),
        "easiest_decile": (0.11, 0.25),
        "reference_perplexity": (18, 11),
        "reference_accuracy": (0.4, -0.1),
        "base_kl": (0.02, 1),
        "base_agreement": (0.98, -0.3),
        "false_positives": (0.02, 0.2),
        "hint_leaks": (0.03, 0.1),
        "hinted_accuracy": (0.8, 0),
        "learned_plain": (0.9, -0.2),
        "learned_rationalized": (0.8, -0.5),
        "vote_error": (0.05, 0.3),
    }
    values = {
        name: (began + worse * change) * draw.uniform(0.98, 1.02) for name, (began, change) in began_and_change.items()
    }
    values |= {"ever_solved": 0.3 + 0.6 * progress, "plain_accuracy": 0.3 + 0.5 * progress}
    values |= {"newly_solved": round(120 * (1 - progress))}
    assert set(values) == {signal.name for signal in SIGNALS}
    return values if collapse else values | {"vote_error": None, "base_kl": None}


def _audit(number: int, progress: float, signals: dict, groups: tuple[str, ...]) -> dict:
    if number == 0:
        missing = {signal.name: "nothing was sampled" for signal in SIGNALS}
        return {"signals": dict.fromkeys(missing), "missing": missing, "funnel": {"plain": {}, "hinted": {}, "real": 0}}
    trained = round(120 + 200 * progress)
    dropped = {"near_duplicate": 19, "unsound": 22, "duplicate": 8}
    plain = {"sampled": 400, "no_answer": 12, "wrong": 338 - trained, "timeout": 1, **dropped, "trained": trained}
    hinted = {"sampled": 400 - trained, "wrong": 340 - trained, "trained": 60}
    problems = {"tried": 120, "solved": round(30 + 80 * progress), "ever": round(40 + 75 * progress), "new": 12}
    classes = {"never": problems | {"solved": 9}, "always": problems | {"solved": 118, "forgotten": 2}, "new": problems}
    return {
        "signals": signals,
        "missing": {name: "nothing was sampled more than once" for name, value in signals.items() if value is None},
        "coverage": {"by_group": dict.fromkeys(groups, problems), "by_difficulty": classes},
        "funnel": {"plain": plain, "hinted": hinted, "carried": 20, "replayed": 10, "real": 15},
        "calibration": [{"confidence": 0.25 * i, "votes": 20, "right": 5 * i - 2} for i in range(1, 5)],
        "contamination": {"problems_removed": 0, "texts_removed": 2},
    }


def _specimens(number: int, each: int, groups: tuple[str, ...], hostile: bool, text_length: int, draw) -> list[dict]:
    rows = []
    for kind in KINDS:
        for sample in range(each):
            nasty = HOSTILE[(len(rows) + number) % len(HOSTILE)] if hostile else ""
            row = _specimen(
                kind, number, sample, groups[len(rows) % len(groups)], nasty, "x y " * (text_length // 4), draw
            )
            rows.append(row)
            if kind == "newly_solved" and sample == 0:  # an attempt may be of several kinds
                rows.append(row | {"kind": "accepted"})
    return rows


def _specimen(kind: str, number: int, sample: int, group: str, nasty: str, more: str, draw) -> dict:
    a, b = draw.randrange(10, 99), draw.randrange(10, 99)
    is_right, is_hinted = kind not in ("rejected", "forgotten"), kind in ("rationalized", "hint_leak")
    is_unsound = kind == "false_positive"
    step, said = f"{a % 10} + {b % 10} = {a % 10 + b % 10 + is_unsound}", str(a + b + (not is_right))
    id, question = f"add-{number}-{kind}-{sample}", f"What is {a} + {b}? {nasty}"
    text = f"The ones are {step}, and the tens {a // 10} + {b // 10}. {nasty}{more}\n#### {said}"
    shown = f"{EXEMPLARS}Q: {question}{f' ({a + b})' if is_hinted else ''}\nA:"
    model = f"iteration-{number - 1:03d}" if number > 1 else "base"
    attempt = Attempt(
        Problem(id, "gsm8k", question, str(a + b), source="train.jsonl:7", group=group),
        Prompt(id, shown, is_hinted),
        Completion(id, sample, text, 40, "eos", 7 * number + sample, model),
        Verdict("correct" if is_right else "wrong", said, nasty),
        steps_checked=2,
        steps_wrong=int(is_unsound),
    )
    reason = "near_duplicate" if kind == "accepted" and sample % 2 else ""
    return {
        "kind": kind,
        "attempt": attempt.to_dict(),
        "trained_on": is_right and not reason,
        "reason": reason,
        "wrong_steps": [step] if is_unsound else [],
        "leak": "mentions the hint" if kind == "hint_leak" else "",
    }


def _facts(hostile: bool) -> dict:
    return {
        "base_model": HOSTILE[0] if hostile else "HuggingFaceTB/SmolLM2-135M",
        "base_model_sha256": "940d508d835b65a98000861129dbcf2212cb9b9904720ef14f46c4c9bc5c0b44",
        "recipe_sha256": "750269ce37e1c3757ad8e9fba2c5343129df789c6f0567a9ecaea17b827b07da",
        "data_files": {"train.jsonl": "66ab663a418822fdaabb6a50f6053de80d415bd5671e22eb661d8180bbf1781e"},
        "device": "cpu",
        "dtype": "float32",
        "verifier": "numeric 3, units none, tolerance 0.0; steps 1",
        "versions": {"star-trainer": "0.1.0", "torch": "2.13.0+cpu", "transformers": "5.23.0"},
        "changes": [{"iteration": 2, "key": "iterations", "before": 2, "after": 3}],
    }


def rewrite(path: Path, change) -> None:
    """Change each row of a JSONL file with a function."""
    rows = [change(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(map(to_line, rows)), encoding="utf-8")

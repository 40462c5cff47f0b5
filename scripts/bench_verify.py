"""The verifiers against math-verify, in one run: speed, agreement, and every disagreement; or a fuzz of the verifiers.

    python scripts/bench_verify.py [--data GSM8K.jsonl] [--repeats 9] [--json FILE]
    python scripts/bench_verify.py --fuzz 200000 [--data GSM8K.jsonl | --completions attempts.jsonl] [--seed 0]

The pairs are those of `tests/verify/pairs.py`, whose verdicts are a person's, and ground truths of GSM8K written in
other ways (made up ones without --data). math-verify runs in this process, with its own timeout. The fuzz mutates
answers of the pairs and solutions of GSM8K or, with --completions, what a model wrote: attempts.jsonl of a run.
"""

from __future__ import annotations

import argparse
import json
import random
import runpy
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.machine import machine  # noqa: E402
from star.records import STATUSES, Attempt, Problem, Verdict  # noqa: E402
from star.tasks.math import BOXED  # noqa: E402
from star.tasks.source import read_rows  # noqa: E402
from star.verify import (  # noqa: E402
    ChoiceVerifier,
    ExactVerifier,
    Extractor,
    LabelVerifier,
    NumericVerifier,
    SymbolicVerifier,
    check_steps,
    reasoning_gym,
    symbolic,
)

Pair = tuple[str, str, str]  # ground truth, answer, right verdict
Texts = Sequence[tuple[str, str]]  # ground truths, each with a solution
CHOICES = ("bank", "library", "New York", "mall", "desk")
_PIECES = r"""\frac{ \frac12 } { ^ _ \sqrt ( ) [ ] , - − + ± \pm ² ½ ٤ ４ ° ^\circ \text{ \boxed{ #### $ \$ % \% ! ' |
    < \le = \in \cup \infty \pi e i x 9 99999 1e9 ** / : ; & \\ \begin{pmatrix} \end{pmatrix} \sin \log_ \int
    \sum_{k=1}^9 \binom or and é （ __import__('os')"""
PIECES = (*_PIECES.split(), " ", "\n", "\x00", "\ud800", "\u202e", "1" * 40)
OTHERS = {
    "40*(94 - 90) + 83 - 74": reasoning_gym.TargetVerifier(),
    "x**2 - 3*x*y/2 + 2": reasoning_gym.PolynomialVerifier(),
    "[[0, 1], ['a', 1.5]]": reasoning_gym.JsonVerifier(),
    "1 2\n3 4": reasoning_gym.LinesVerifier(),
    "8.055e-06": reasoning_gym.SignificantVerifier(),
    "5.75 6.25\n7.0 5.25": reasoning_gym.NumbersVerifier("0.01", rows=True),
    "3 × 3 × 37": reasoning_gym.NumbersVerifier("0", rows=False),
}
"""What compares answers of reasoning-gym without a worker, and a ground truth of each."""


def main() -> int:
    """Run what is asked for; returns the exit code, 1 after a crash or a verdict that is not the table's."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="FILE", help="rows of GSM8K, as JSON lines")
    parser.add_argument("--repeats", type=int, default=9, help="rounds of timing, all contenders in each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--fuzz", type=int, metavar="N", help="only run N mutated texts through all verifiers")
    parser.add_argument("--completions", type=completions, metavar="FILE", help="fuzz these attempts.jsonl of a run")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzz")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": machine("sympy", "math-verify", "latex2sympy2_extended")}
    print(json.dumps(results["machine"]))
    if arguments.fuzz:
        results["fuzz"] = fuzz(arguments.fuzz, arguments.seed, arguments.data, arguments.completions or ())
        print(json.dumps(results["fuzz"], indent=2))
        failed = results["fuzz"]["crashes"]
    else:
        table = list(runpy.run_path(str(ROOT / "tests/verify/pairs.py"))["pairs"]())
        results |= compare(table, gsm8k_pairs(arguments.data), arguments.repeats)
        failed = results["agreement"]["MATH-style"]["ours against the table"]["different"]
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    return 1 if failed else 0


def gold(answer: str, choices: tuple[str, ...] = ()) -> Problem:
    return Problem(id="p", task="bench", question="", answer=answer, choices=choices)


def completions(file: str) -> Texts:
    """What a model wrote: the attempts of a run, as in its iterations/001/attempts.jsonl."""
    try:
        found = [Attempt.from_dict(row) for _, row in read_rows(Path(file))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{file} does not hold attempts of a run ({error})") from None
    return [(attempt.problem.answer, attempt.completion.text) for attempt in found]


def gsm8k_solutions(data: Path | None) -> Texts:
    """Gold solutions, or ones of the same form."""
    texts = [f"He has {n} + {n} = <<{n}+{n}={2 * n}>>{2 * n} apples.\n#### {2 * n:,}" for n in range(1, 2000, 7)]
    if data:
        texts = [json.loads(line)["answer"] for line in data.read_text().splitlines()]
    return [(text.rpartition("####")[2].strip(), text) for text in texts]


def gsm8k_pairs(data: Path | None) -> list[Pair]:
    """Each ground truth, and an answer written in another way; every sixth is another number."""
    pairs = []
    forms = [
        "{n}", "${n:,}", "{n}.00", "{n:,}", "{n}.", r"\${n}", "+{n}", "{n} ", "0{n}", "${n:,}.00", "{n}/1", "$ {n}"
    ]  # fmt: skip
    for i, (truth, _) in enumerate(gsm8k_solutions(data)):
        n, other = int(truth.replace(",", "")), i % 6 == 5
        pairs.append((truth, forms[i % len(forms)].format(n=n + other), "wrong" if other else "correct"))
    return pairs


def theirs(truth: str, answer: str, letters: bool = False) -> str:
    """The verdict of math-verify, with its own defaults and its own timeout; each text is marked as LaTeX."""
    from math_verify import StringExtractionConfig, parse, verify

    if letters:
        config = [StringExtractionConfig()]
        wanted, given = parse(truth, config), parse(answer, config)
    else:
        wanted, given = (parse(text if "$" in text else f"${text}$") for text in (truth, answer))
    if not given:
        return "no_answer"
    return "correct" if verify(wanted, given) else "wrong"


def compare(table: list[Pair], gsm8k: list[Pair], repeats: int) -> dict[str, Any]:
    """Agreement on all pairs, then speed."""
    verifiers = {"MATH-style": (SymbolicVerifier(timeout=20), table), "GSM8K": (NumericVerifier(), gsm8k)}
    found = {name: agreement(name, verifier, pairs) for name, (verifier, pairs) in verifiers.items()}
    return {"agreement": found, "speed": speed(table, gsm8k, repeats)}


def agreement(name: str, verifier: Any, pairs: list[Pair]) -> dict[str, Any]:
    """How often each accepts what it should, and every pair where they differ in whether to accept."""
    ours, others = [verdict.status for verdict in batch(verifier, pairs)], each_theirs(pairs)
    found: dict[str, Any] = {"pairs": len(pairs)}
    for who, statuses in (("ours", ours), ("math-verify", others)):
        verdicts = [(right == "correct", got == "correct") for (*_, right), got in zip(pairs, statuses, strict=True)]
        found[f"{who} against the table"] = {
            "false positives": verdicts.count((False, True)),
            "false negatives": verdicts.count((True, False)),
            "different": sum(right != got for right, got in verdicts),
        }
    found["disagreements"] = [
        {"gold": truth, "answer": answer, "table": right, "ours": own, "theirs": other}
        for (truth, answer, right), own, other in zip(pairs, ours, others, strict=True)
        if (own == "correct") != (other == "correct")
    ]
    print(f"\n{name}: {json.dumps({k: v for k, v in found.items() if k != 'disagreements'})}")
    print(f"{len(found['disagreements'])} disagreements: gold | answer | ours | math-verify | table")
    for row in found["disagreements"]:
        print(f"  {row['gold']!r} | {row['answer']!r} | {row['ours']} | {row['theirs']} | {row['table']}")
    return found


def speed(table: list[Pair], gsm8k: list[Pair], repeats: int) -> dict[str, Any]:
    """Medians, over interleaved rounds, of the mean microseconds of a verdict; nothing is remembered between rounds."""
    numeric, choice, mathematics = NumericVerifier(), ChoiceVerifier(), SymbolicVerifier(timeout=20)
    certain = [pair for pair in table if not isinstance(mathematics._certain(*pair[:2]), tuple)]
    asked = [pair for pair in table if pair not in set(certain)]
    letters = [(f"({a})", b, "") for a in "abcde" for b in ("(a)", "b", "C.", "D", "(e).", "b", "A")]
    contenders: dict[str, tuple[Callable[[list[Pair]], Any], list[Pair]]] = {
        "numeric": (one_by_one(numeric), gsm8k),
        "numeric, math-verify": (each_theirs, gsm8k),
        "choice": (one_by_one(choice), letters),
        "choice, math-verify": (lambda pairs: [theirs(a.strip("()").upper(), b, True) for a, b, _ in pairs], letters),
        "symbolic, certain in process": (one_by_one(mathematics), certain),
        "symbolic, certain in process, math-verify": (each_theirs, certain),
        "symbolic, by a worker, one at a time": (one_by_one(mathematics), asked),
        "symbolic, by a worker, math-verify": (each_theirs, asked),
        "symbolic, all, in one batch": (lambda pairs: batch(mathematics, pairs), table),
        "symbolic, all, math-verify": (each_theirs, table),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, (run, pairs) in contenders.items():
            mathematics.known.clear()
            symbolic._parse.cache_clear()
            start = time.perf_counter()
            run(pairs)
            times[name].append((time.perf_counter() - start) / len(pairs) * 1e6)
    print(f"\nspeed, {repeats} interleaved rounds; {len(certain)} of {len(table)} MATH-style pairs need no worker")
    found = {}
    for name, values in times.items():
        low, middle, high = (round(f(values), 1) for f in (min, statistics.median, max))
        found[name] = {"pairs": len(contenders[name][1]), "median us": middle, "least us": low, "most us": high}
        print(f"  {name:45} {middle:>9} us ({low} - {high}), {len(contenders[name][1])} pairs")
    return found


def one_by_one(verifier: Any) -> Callable[[list[Pair]], Any]:
    choices = CHOICES if isinstance(verifier, ChoiceVerifier) else ()
    problems: dict[str, Problem] = {}
    return lambda pairs: [verifier.verify(b, problems.setdefault(a, gold(a, choices))) for a, b, _ in pairs]


def batch(verifier: Any, pairs: list[Pair]) -> list[Verdict]:
    return verifier.verify_all([(answer, gold(truth)) for truth, answer, _ in pairs])


def each_theirs(pairs: list[Pair]) -> list[str]:
    return [theirs(truth, answer) for truth, answer, _ in pairs]


def mutated(text: str, random: random.Random) -> str:
    """`text` with one to six changes: characters swapped, pieces put in, digits of other scripts, cut off, doubled."""
    for _ in range(random.randint(1, 6)):
        at, other = (random.randint(0, max(0, len(text) - 1)) for _ in range(2))
        low, high = min(at, other), max(at, other)
        kind = random.randrange(7)
        if kind == 0 and text:
            text = text[:low] + text[high] + text[low + 1 : high] + text[low : low + 1] + text[high + 1 :]
        elif kind == 1:
            text = f"{text[:at]}{random.choice(PIECES)}{random.choice((' ', ''))}{text[at:]}"
        elif kind == 2:
            text = text.translate({ord("0") + random.randrange(10): random.choice("０１٤४²½₂IlO")})
        elif kind == 3:
            text = text[:high] if random.random() < 0.5 else text[low:]
        elif kind == 4:
            text = text[:low] + text[low:high][:40] * random.choice((2, 2, 3, 50)) + text[high:]
        elif kind == 5:
            text = text[:low] + text[high:]
        else:
            text = text[:at] + chr(random.choice((random.randrange(128), random.randrange(0x110000)))) + text[at + 1 :]
    return text


def fuzz(count: int, seed: int = 0, data: Path | None = None, written: Texts = (), size: int = 1000) -> dict[str, Any]:
    """Mutated texts through the extractors and all verifiers: verdicts, crashes, the slowest calls."""
    random_, start = random.Random(seed), time.perf_counter()
    table = runpy.run_path(str(ROOT / "tests/verify/pairs.py"))["pairs"]()
    boxed = [(truth, rf"So the answer is $\boxed{{{answer}}}$.") for truth, answer, _ in table]
    kinds = [written] if written else [boxed, gsm8k_solutions(data)]
    extractors = [Extractor(r"####[ \t]*([^\n]+)"), Extractor(BOXED)]
    verifiers = [NumericVerifier(), NumericVerifier(["cm|centimeters", "dollars"], 0.01), ExactVerifier()]
    verifiers += [ChoiceVerifier(), LabelVerifier(["yes", "no"]), SymbolicVerifier(timeout=1.0)]
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    slowest, crashes = defaultdict(lambda: (0.0, "")), []
    for done in range(0, count, size):
        asked: list[tuple[str, Problem]] = []
        for i in range(min(size, count - done)):
            truth, text = random_.choice(kinds[i % len(kinds)])
            text = mutated(text[random_.choice((0, -60)) :], random_)  # the end is where the answer is
            before = time.perf_counter()
            answers = [answer for extractor in extractors for answer in extractor(text)] or [text[-40:]]
            slowest["extractor"] = max(slowest["extractor"], (time.perf_counter() - before, text[:200]))
            before, _ = time.perf_counter(), check_steps(text)
            slowest["steps"] = max(slowest["steps"], (time.perf_counter() - before, text[:200]))
            asked.append((answers[0], gold(truth)))
        for verifier in verifiers:
            _judge(verifier, asked, verdicts, slowest, crashes)
        for truth, verifier in OTHERS.items():
            texts = [mutated(truth, random_) if i % 2 else answer for i, (answer, _) in enumerate(asked)]
            _judge(verifier, [(text, gold(truth)) for text in texts], verdicts, slowest, crashes)
    return {
        "inputs": count,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 1),
        "crashes": len(crashes),
        "first": crashes[:5],
        "verdicts": {name: {s: counts[s] for s in STATUSES if counts[s]} for name, counts in verdicts.items()},
        "slowest": {name: f"{ms * 1e3:.2f} ms, {ascii(text)[:80]}" for name, (ms, text) in slowest.items()},
    }


def _judge(verifier: Any, asked: list[tuple[str, Problem]], verdicts: Any, slowest: Any, crashes: list[str]) -> None:
    """All answers by one verifier: one at a time, or in one batch by the one with workers, timed per answer."""
    name, golds = verifier.version, {ChoiceVerifier: gold("b", CHOICES), LabelVerifier: gold("yes")}
    pairs = [(answer, golds.get(type(verifier), problem)) for answer, problem in asked]
    step = len(pairs) if isinstance(verifier, SymbolicVerifier) else 1
    for at in range(0, len(pairs), step):
        before = time.perf_counter()
        try:
            found = verifier.verify_all(pairs[at : at + step])
            verdicts[name].update(verdict.status for verdict in found)
        except Exception as error:
            crashes.append(f"{name}: {type(error).__name__} {error} on {pairs[at][0]!a}"[:300])
        slowest[name] = max(slowest[name], ((time.perf_counter() - before) / step, pairs[at][0]))


if __name__ == "__main__":
    sys.exit(main())

"""The data sets of reasoning-gym (https://github.com/open-thought/reasoning-gym), generated, with scoring of our own.

The final answer is what stands between `<answer>` and `</answer>`; text with two different ones has none, and so has
text that ends before the closing tag. Several lines are one answer: many are grids.

Its `score_answer` would run the text of a model in most data sets, so answers are compared by our verifiers. Where
only reasoning-gym can tell which answers are right, it does so in a guarded worker (`notice`).

Problems are generated in a process of its own: some data sets depend on the order of sets, which is fixed there.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from star.errors import UserError
from star.recipe import ReasoningGymTask
from star.records import Problem, derive_seed
from star.tasks.base import Task
from star.verify import Extractor, NumericVerifier, SymbolicVerifier, Verifier
from star.verify.reasoning_gym import (
    IntegralVerifier,
    JsonVerifier,
    LinesVerifier,
    NumbersVerifier,
    PolynomialVerifier,
    ReasoningGymVerifier,
    SignificantVerifier,
    TargetVerifier,
)
from star.verify.text import normalise

SCORED = {
    # The oracle answer is the only right one.
    "numeric": """aiw basic_arithmetic binary_alternation chain_sum circuit_logic count_bits count_primes
        decimal_arithmetic decimal_chain_sum gcd gsm_symbolic largest_island lcm leg_counting letter_counting maze
        number_sequence products rectangle_count rotten_oranges self_reference simple_equations simple_geometry""",
    "lines": """ab acre arc_1d arc_agi base_conversion bf binary_matrix bitwise_arithmetic caesar_cipher
        calendar_arithmetic color_cube_rotation course_schedule dice emoji_mystery family_relationships figlet_font
        futoshiki game_of_life_halting isomorphic_strings letter_jumble mahjong_puzzle manipulate_matrix mini_sudoku
        modulo_grid needle_haystack path_star ransom_note rearc rotate_matrix sentence_reordering spell_backward
        spiral_matrix string_insertion string_manipulation string_splitting string_synthesis sudoku survo syllogism
        tsumego word_sequence_reversal zebra_puzzles""",
    "json": "game_of_life list_functions number_filtering number_sorting",
    # It may be written in several ways, or there are several, which a closed grammar can tell.
    "hundredths": "number_format",
    "significant": "coin_flip power_function",
    "rows": "pool_matrix",
    "roots": "polynomial_equations",
    "factors": "prime_factorization",
    "symbolic": "advanced_geometry complex_arithmetic",
    "target": "countdown puzzle24",
    "polynomial": "polynomial_multiplication",
    "integral": "intermediate_integration simple_integration",
    # Only reasoning-gym can tell.
    "worker": """cryptarithm fraction_simplification graph_color group_anagrams jugs kakurasu knight_swap
        knights_knaves n_queens palindrome_generation palindrome_partitioning propositional_logic quantum_lock
        rubiks_cube shortest_path sokoban time_intervals tower_of_hanoi word_ladder word_sorting""",
}
"""How the answers of each data set are compared: the keys of `VERIFIERS` and `worker`. As of reasoning-gym 0.1.25."""
REFUSED = {
    "boxnet": "it has no ground truth, so there is nothing to show as a hint",
    "codeio": "its problems are made by running programs that a language model wrote, and so would be its scoring",
    "composite": "it only mixes other data sets; name one of those",
    "rush_hour": "it has no ground truth, so there is nothing to show as a hint",
}
"""Data sets that are no tasks, and why."""
HOW = {name: how for how, names in SCORED.items() for name in names.split()}
GOLD = {
    "graph_color": "possible_answer",
    "propositional_logic": "example_answer",
    "rubiks_cube": "example_correct_answer",
}
"""Where the metadata has a right answer of the data sets whose entries have no `answer`."""
VERIFIERS: dict[str, Callable[[ReasoningGymTask], Verifier]] = {
    "numeric": lambda _: NumericVerifier(),
    "lines": lambda _: LinesVerifier(),
    "json": lambda _: JsonVerifier(),
    "hundredths": lambda _: NumericVerifier(tolerance=0.01),
    "significant": lambda _: SignificantVerifier(),
    "rows": lambda _: NumbersVerifier("0.01", rows=True),
    "roots": lambda _: NumbersVerifier("0.0001", rows=False),
    "factors": lambda _: NumbersVerifier("0", rows=False),
    "symbolic": lambda settings: SymbolicVerifier(timeout=settings.timeout, memory=settings.memory),
    "target": lambda _: TargetVerifier(),
    "polynomial": lambda _: PolynomialVerifier(),
    "integral": lambda settings: IntegralVerifier(settings.timeout, settings.memory),
    "worker": lambda settings: ReasoningGymVerifier(
        settings.data_set, settings.options, settings.timeout, settings.memory
    ),
}
FEWEST = 100
"""Entries that are generated at a time, at least."""
USEFUL = 100
"""Generating goes on while one entry in this many has a new question."""
_ROOT = str(Path(__file__).parents[2])
_GENERATE = f"import sys; sys.path.insert(0, {_ROOT!r}); from star.tasks.reasoning_gym import generate; generate()"


class ReasoningGym(Task):
    """One data set of reasoning-gym.

    Attributes:
        notice: what a user should know about how answers are scored; empty if there is nothing to say.

    Raises:
        UserError: reasoning-gym is not installed, or has no such data set, or it is one of `REFUSED`.
    """

    name = "reasoning_gym"
    plain = "Question: {question}\nThink step by step, then give the final answer as <answer>...</answer>.\nAnswer:"
    hinted = (
        "Question: {question}\nThe right answer is <answer>{answer}</answer>. Think step by step how to get there, "
        "then give it as <answer>...</answer>.\nAnswer:"
    )
    direct = "<answer>{answer}</answer>"
    stop = ("\nQuestion:",)

    def __init__(self, settings: ReasoningGymTask):
        self.settings, self.skipped = settings, []
        self.how = _how(settings.data_set)
        self.extractor = Extractor(r"(?s)<answer>((?:(?!</?answer>).)*+)</answer>")
        try:
            self.verifier = VERIFIERS[self.how](settings)
        except PackageNotFoundError:
            raise _not_installed() from None
        is_asked = self.how == "worker"
        self.notice = "answers of this data set are scored by reasoning-gym itself, in a worker" if is_asked else ""
        self._drawn: dict[str, list[Problem]] = {}

    def problems(self, split: str) -> list[Problem]:
        if split not in self._drawn:
            count = self.settings.train if split == "train" else self.settings.held_out
            seen = set() if split == "train" else {normalise(p.question) for p in self.problems("train")}
            self._drawn[split] = self._draw(split, count, seen)
        return self._drawn[split]

    def _draw(self, split: str, count: int, seen: set[str]) -> list[Problem]:
        """The first `count` problems with new questions; `seen` are not new, and it is added to."""
        problems: list[Problem] = []
        turn, size = 0, max(count, FEWEST)
        while True:
            before = len(problems)
            seed = derive_seed(self.settings.seed, self.settings.data_set, split, turn) % 2**32
            for index, entry in enumerate(self._generate(seed, size)):
                id = f"{self.settings.data_set}-{split}-{len(problems):06d}"
                problem = self._problem(entry, id, f"reasoning_gym:{self.settings.data_set}:seed={seed}:{index}")
                if (question := normalise(problem.question)) in seen or not self._is_verifiable(problem):
                    continue
                seen.add(question)
                problems.append(problem)
                if len(problems) == count:
                    return problems
            turn += 1
            if (len(problems) - before) * USEFUL < size:
                raise UserError(
                    f"task.{split} = {count}: {self.settings.data_set} has about {len(problems)} different questions "
                    f"to offer{' beside those of train' * (split != 'train')}; ask for fewer, or set task.options"
                )

    def _is_verifiable(self, problem: Problem) -> bool:
        """Whether there is a ground truth, and the verifier takes it for right."""
        verdict = self.verifier.verify(problem.answer, problem)
        if self.how == "worker" and verdict.status in ("error", "timeout"):
            raise UserError(
                f"{problem.source}: reasoning-gym cannot score its own answer {problem.answer[:80]!r}: "
                f"{verdict.detail}; change task.options, or give a worker more than "
                f"task.timeout={self.settings.timeout:g} s and task.memory={self.settings.memory} MiB"
            )
        if verdict.accepted and problem.answer:
            return True
        self.skipped.append(f"{problem.source}: the ground truth {problem.answer[:80]!r} is not verified as right")
        return False

    def _problem(self, entry: dict[str, Any], id: str, source: str) -> Problem:
        metadata, name = entry["metadata"], self.settings.data_set
        answer = entry["answer"] if entry["answer"] is not None else metadata[GOLD[name]]
        return Problem(
            id=id,
            task=self.name,
            question=entry["question"].strip(),
            answer=(answer if isinstance(answer, str) else json.dumps(answer)).strip(),
            source=source,
            answer_source="computed",
            group=_group(metadata.get("difficulty")),
            meta={"metadata": metadata} if self.how == "worker" else {},
        )

    def _generate(self, seed: int, size: int) -> Iterator[dict[str, Any]]:
        """The entries of a data set.

        Raises:
            UserError: reasoning-gym is not installed, or refuses the options, or fails.
        """
        request = {"name": self.settings.data_set, "size": size, "seed": seed, "options": self.settings.options}
        if reserved := sorted({"seed", "size"} & set(self.settings.options)):
            raise UserError(f"task.options.{reserved[0]}: use task.seed, task.train and task.held_out instead")
        environment = {**os.environ, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _GENERATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment, text=True, encoding="utf-8",
        ) as process:  # fmt: skip
            try:
                process.stdin.write(json.dumps(request))
                process.stdin.close()
                for line in process.stdout:
                    yield self._entry(json.loads(line))
            finally:
                process.kill()
        if process.returncode > 0:
            raise UserError(f"task.data_set = {request['name']!r}: generating ended with code {process.returncode}")

    def _entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        if entry.get("error") == "not installed":
            raise _not_installed()
        if "error" in entry:
            raise UserError(
                f"task.data_set = {self.settings.data_set!r}, task.options = {self.settings.options}: "
                f"reasoning-gym says: {entry['error']}"
            )
        return entry


def generate() -> None:
    """Read a request from standard input, write its entries to standard output, one JSON object a line."""
    request, replies = json.load(sys.stdin), sys.stdout
    try:
        import reasoning_gym

        settings = {"size": request["size"], "seed": request["seed"], **request["options"]}
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # data sets print
            data = reasoning_gym.create_dataset(request["name"], **settings)
            for index in range(request["size"]):
                print(json.dumps(data[index], default=_plain), file=replies, flush=True)
    except ModuleNotFoundError as error:
        print(json.dumps({"error": "not installed" if error.name == "reasoning_gym" else str(error)}), file=replies)
    except Exception as error:  # data sets raise all kinds; the user is told which
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}), file=replies)


def _plain(value: Any) -> Any:
    """A numpy number or array, or a set, as JSON has it; anything else as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def _how(name: str) -> str:
    if name in REFUSED:
        raise UserError(f"task.data_set = {name!r}: this data set of reasoning-gym is no task here: {REFUSED[name]}")
    if name not in HOW:
        near = difflib.get_close_matches(name, HOW, n=3, cutoff=0.5)
        advice = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(sorted(HOW))}"
        raise UserError(f"task.data_set = {name!r}: reasoning-gym has no such data set that is a task here; {advice}")
    return HOW[name]


def _not_installed() -> UserError:
    return UserError("task.kind = 'reasoning_gym': install the package: pip install 'star-trainer[reasoning-gym]'")


def _group(difficulty: Any) -> str:
    """By difficulty, where that is a number of its own; most data sets only repeat their options there."""
    is_number = isinstance(difficulty, (int, float)) and not isinstance(difficulty, bool)
    return f"difficulty {difficulty:g}" if is_number else "all"

"""How the answers to the data sets of reasoning-gym are compared, and what a recipe's `task.options` may ask of them.

A `composite` mixes others, its members. Each of its problems is verified as one of that data set.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from star.errors import UserError
from star.recipe import ReasoningGymTask
from star.verify import NumericVerifier, SymbolicVerifier, Verifier
from star.verify.composite import CompositeVerifier
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

COMPOSITE = "composite"
"""The data set that mixes others."""
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
    "worker": """boxnet cryptarithm fraction_simplification graph_color group_anagrams jugs kakurasu knight_swap
        knights_knaves n_queens palindrome_generation palindrome_partitioning propositional_logic quantum_lock
        rubiks_cube rush_hour shortest_path sokoban time_intervals tower_of_hanoi word_ladder word_sorting""",
}
"""How the answers of each data set are compared: the keys of `VERIFIERS` and `worker`. As of reasoning-gym 0.1.25."""
REFUSED = {
    "codeio": "its problems are made by running programs that a language model wrote, and so would be its scoring",
}
"""Data sets that are no tasks, and why."""
HOW = {name: how for how, names in SCORED.items() for name in names.split()}
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
}
DATA_SETS = "a list of data sets, as [{name: chain_sum, weight: 1.0, config: {min_terms: 2}}, {name: jugs}]"
"""What the option of a composite is."""


def find_members(settings: ReasoningGymTask) -> dict[str, dict[str, Any]]:
    """The data sets that problems are drawn from, each with its options: the one a recipe names, or a composite's.

    Raises:
        UserError: there is no such data set, or it is refused, or the options are none that can be given.
    """
    _require_unreserved(settings.options, "task.options")
    if settings.data_set != COMPOSITE:
        _require_served(settings.data_set, "task.data_set")
        return {settings.data_set: settings.options}
    listed = settings.options.get("datasets")
    if not isinstance(listed, list) or not listed:
        raise UserError(f"task.options.datasets = {listed!r}: for a composite, give {DATA_SETS}")
    members: dict[str, dict[str, Any]] = {}
    for place, member in enumerate(listed):
        name, config = _read_member(member, f"task.options.datasets[{place}]")
        if name in members:
            raise UserError(f"task.options.datasets[{place}].name = {name!r}: this data set is already in the list")
        members[name] = config
    return members


def build_verifier(members: Mapping[str, Mapping[str, Any]], settings: ReasoningGymTask) -> Verifier:
    """What compares the answers to the problems of all these data sets; reasoning-gym's workers serve all that need it.

    Raises:
        PackageNotFoundError: reasoning-gym is needed, and not installed.
    """
    asked = {name: dict(members[name]) for name in find_asked(members)}
    worker = ReasoningGymVerifier(asked, settings.timeout, settings.memory) if asked else None
    verifiers = {name: worker if name in asked else VERIFIERS[HOW[name]](settings) for name in members}
    return CompositeVerifier(verifiers) if settings.data_set == COMPOSITE else verifiers[settings.data_set]


def find_asked(members: Mapping[str, Any]) -> list[str]:
    """Those data sets whose answers reasoning-gym itself scores."""
    return [name for name in members if HOW[name] == "worker"]


def _read_member(member: Any, where: str) -> tuple[str, dict[str, Any]]:
    """Name and options of one data set of a composite."""
    if not isinstance(member, dict) or not isinstance(member.get("name"), str):
        raise UserError(f"{where} = {member!r}: this is no data set with its name; give {DATA_SETS}")
    if unknown := sorted(set(member) - {"name", "weight", "config"}):
        raise UserError(f"{where}.{unknown[0]}: there is no such key; give {DATA_SETS}")
    name, weight, config = member["name"], member.get("weight", 1.0), member.get("config", {})
    if name == COMPOSITE:
        raise UserError(f"{where}.name = {name!r}: a composite cannot hold another one; list its data sets here")
    _require_served(name, f"{where}.name")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight <= 0:
        raise UserError(f"{where}.weight = {weight!r}: the weight of {name} should be a number above 0")
    if not isinstance(config, dict):
        raise UserError(f"{where}.config = {config!r}: the options of {name} should be a mapping, as {{min_terms: 2}}")
    _require_unreserved(config, f"{where}.config")
    return name, config


def _require_served(name: str, where: str) -> None:
    if name in REFUSED:
        raise UserError(f"{where} = {name!r}: this data set of reasoning-gym is no task here: {REFUSED[name]}")
    if name not in HOW:
        names = sorted({*HOW, COMPOSITE})
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        advice = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise UserError(f"{where} = {name!r}: reasoning-gym has no such data set that is a task here; {advice}")


def _require_unreserved(options: Mapping[str, Any], where: str) -> None:
    if reserved := sorted({"seed", "size"} & set(options)):
        raise UserError(f"{where}.{reserved[0]}: use task.seed, task.train and task.held_out instead")

"""What `scripts/estimate.py` says about the shipped recipes, and whether its parts add up."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.estimate import main
from scripts.planning.assumed import Assumed
from scripts.planning.costs import GPUS, FineTuning, Sampling, Shape, Texts, decode_seconds
from scripts.planning.counts import HISTORY, count
from scripts.planning.reader import Reader
from scripts.planning.shapes import LLAMAS
from star.recipe import load_recipe
from star.tasks import build_task

ROOT = Path(__file__).parents[1]


@pytest.fixture
def plan(capsys, monkeypatch):
    """The plan of a recipe, as an object."""
    monkeypatch.chdir(ROOT)

    def make(*arguments):
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return make


def test_parameters_are_those_of_the_published_models():
    billions = {name: (shape.body + (1 if shape.tied else 2) * shape.head) / 1e9 for name, shape in LLAMAS.items()}
    expected = {"1B": 1.24, "7B": 6.74, "8B": 8.03, "70B": 70.55}  # the model cards at huggingface.co/meta-llama
    assert billions == pytest.approx(expected, rel=0.005)


def test_flops_are_those_of_a_model_counted_by_torch(capsys):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=100, num_key_value_heads=2, attn_implementation="eager", **sizes)
    with FlopCounterMode(display=False) as counter:
        LlamaForCausalLM(config)(torch.zeros(2, 50, dtype=torch.long))
    counted = Shape(3, 64, 4, 2, 160, 100).forward(100, 50, 100)  # eager attention computes what is masked, too
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize("recipe", ["recipes/arithmetic.yaml", "recipes/smollm2-arithmetic.yaml"])
def test_twice_the_gpus_take_half_as_long_and_nothing_else_changes(plan, recipe):
    one, two = (plan(recipe, "--llama", "8B", "--gpu", "h100", "--gpus", n) for n in "12")
    assert one["flops"] == two["flops"]
    assert one["bytes"] == two["bytes"]
    for name, seconds in one["seconds"].items():
        if name.endswith((": writing", ": reading prompts")):
            assert two["seconds"][name] == pytest.approx(seconds / 2)
    assert one["seconds"]["all"] == pytest.approx(sum(s for name, s in one["seconds"].items() if name != "all"))


def test_ten_times_the_problems_cost_ten_times_as_much(plan):
    words = ["recipes/smollm2-gsm8k.yaml", "problems_per_iteration=null", "sampler.wave=1000", "--llama", "7B"]
    small, large = (plan(*words, "--gpu", "a100", "--problems", n) for n in ("10000", "100000"))
    for name in ("attempts: reading prompts", "attempts: writing", "fine-tuning"):
        assert large["flops"][name] == pytest.approx(10 * small["flops"][name], rel=1e-6)
    assert large["bytes"]["rows"] == pytest.approx(10 * small["bytes"]["rows"], rel=0.1)
    assert large["memory"]["weights"] == small["memory"]["weights"] == pytest.approx(13.48e9, rel=0.01)


def test_decoding_few_sequences_is_bound_by_memory_and_its_prompt_is_read_once():
    stage = Sampling(Texts(1000, 100, 200), 64, 4, 1)
    assert stage.read == 1000 + 64 * 100
    assert stage.written == 64 * 4 * 200
    few, many = (decode_seconds(stage, LLAMAS["8B"], GPUS["h100"], batch) for batch in (1, 64))
    assert few[1] == "memory bandwidth"
    assert many[0] < few[0] / 20


def test_training_through_a_frozen_base_takes_two_thirds_of_what_training_it_would():
    shape, rows = LLAMAS["8B"], FineTuning(1000, 100, 100, 8)
    assert rows.flops(shape, 1) == pytest.approx(4 * shape.body * rows.tokens, rel=0.1)


def test_what_is_missing_is_named_with_what_to_do(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["recipes/smollm2-gsm8k.yaml", "model.gguf=nowhere.gguf", "--gpu", "h100"]) == 2
    assert "--llama" in capsys.readouterr().err


SUMS = ["recipes/self-instruct.yaml", "--llama", "1B", "--gpu", "h100"]
"""630 sums, and 128 prompts that write more of them."""


def test_new_problems_are_tried_and_their_prompts_and_votes_counted(plan):
    computed = plan(*SUMS, "--drafts", "2", "--passed", "0.25")
    assert computed["problems"] == 630 + 128 * 2 * 0.25
    assert computed["samples"] == 128 + 694 * 1.5  # half of them fail, and are rationalized
    assert "votes" not in computed["tokens"]
    words = [*SUMS, "synthesize.answers=consensus", "--drafts", "2", "--passed", "0.25", "--agreed", "0.75"]
    voted, again = plan(*words, "--completion", "20"), plan(*words, "--completion", "20", "--iteration", "2")
    assert voted["problems"] == 630 + 64 * 0.75
    assert voted["tokens"]["votes"]["written"] == 64 * 9 * 20
    assert again["tokens"]["votes"]["written"] == (64 + 48) * 9 * 20  # those of iteration 1 stand on votes
    assert voted["samples"] == 128 + 64 * 9 + 678 + 315  # what was voted on is no hint to give


def test_lessons_and_passages_are_read_from_what_the_recipe_names(plan, tmp_path):
    rows = [{"question": f"Tom has {n} apples and buys 2. How many?", "answer": f"#### {n + 2}"} for n in range(3, 40)]
    for split, part in (("train", rows[:30]), ("test", rows[30:])):
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    where = [f"task.path={tmp_path}", "--llama", "1B", "--gpu", "h100"]
    for name in ("textbook", "reshape"):
        found = plan(f"recipes/{name}.yaml", *where, "--passed", "0.5", "--agreed", "0.5")
        assert found["assumed"].keys() >= {"drafts", "passed", "agreed"}
        assert found["tokens"]["new problems"]["written"] == 96 * found["assumed"]["writing"]
        assert found["tokens"]["votes"]["written"] == 48 * 9 * found["assumed"]["completion"]
    assert found["problems"] == 30 + 24  # of reshape, whose answers stand in a document
    apart = plan("recipes/reshape.yaml", *where, "synthesize.with_passage=false", "problems_per_iteration=null")
    behind = plan("recipes/reshape.yaml", *where, "problems_per_iteration=null")
    assert behind["tokens"]["attempts"]["read"] > 2 * apart["tokens"]["attempts"]["read"]
    assert behind["tokens"]["votes"]["read"] == pytest.approx(apart["tokens"]["votes"]["read"])


@given(passed=st.floats(0, 1), agreed=st.floats(0, 1), number=st.integers(1, 50))
@settings(max_examples=25)
def test_voted_answers_are_never_more_than_their_share(sums, passed, agreed, number):
    counts = count(sums, Assumed(passed=passed, agreed=agreed), None, number)
    assert 630 <= counts.problems <= 630 / (1 - 0.25) + 1e-9
    assert counts.samples >= 128 + counts.problems


@pytest.fixture(scope="module")
def sums():
    """The data of `SUMS`, with all answers voted on."""
    recipe = load_recipe(ROOT / SUMS[0], ["synthesize.answers=consensus"])
    return Reader(recipe, build_task(recipe), None, None)


def test_a_sweep_is_counted_among_the_samples(plan):
    found = plan("recipes/family/b-star.yaml", "--gpu", "h100")
    assert found["samples"] == 200 * 4 + 20 * 4 * 5
    assert any("about 10 such iterations" in line for line in found["unknown"])  # as the run had


def test_a_verifier_costs_pairs_their_reference_and_ranking(plan):
    found = plan("recipes/family/v-star.yaml", "--gpu", "h100", "--solved", "0.5", "--pairs", "2")
    tokens, flops = found["tokens"], found["flops"]
    assert found["pairs"] == 300 * 0.5 * 2
    assert tokens["verifier"]["read"] == pytest.approx(2 * tokens["scoring pairs"]["read"])  # two epochs
    assert tokens["best-of"]["written"] == pytest.approx(4 * tokens["evaluation"]["written"])
    forward = flops["scoring pairs"] / tokens["scoring pairs"]["read"]
    assert flops["ranking"] / tokens["ranking"]["read"] == pytest.approx(forward, rel=0.01)
    assert flops["verifier"] / tokens["verifier"]["read"] > 2 * forward
    assert found["bytes"]["adapter"] == 2 * plan("recipes/family/star.yaml", "--gpu", "h100")["bytes"]["adapter"]


def test_a_verifier_that_is_not_trained_costs_nothing_and_the_plan_says_why(plan):
    words = ["recipes/family/v-star.yaml", "--gpu", "h100"]
    for override, reason in (
        ("verifier.when=last", "--iteration 40"),
        ("decoding.samples=1", "no problem has a right attempt and a wrong one"),
    ):
        found = plan(*words, override)
        assert not found["pairs"]
        assert not {"verifier", "scoring pairs", "ranking", "best-of"} & found["seconds"].keys()
        assert any(reason in line for line in found["unknown"])
    assert plan(*words, "verifier.when=last", "--iteration", "40")["pairs"] > 0


def test_what_is_only_curated_is_neither_trained_on_nor_evaluated(plan):
    found = plan("recipes/curate.yaml", "--gpu", "h100")
    assert found["tokens"].keys() == {"attempts", "rationalizations"}
    assert found["examples"] > 0
    assert found["bytes"]["adapter"] == 0


def test_bare_answers_are_trained_on_without_sampling(plan):
    found = plan("recipes/arithmetic.yaml", "method=direct", "problems_per_iteration=null", "--gpu", "h100")
    assert found["tokens"].keys() == {"evaluation", "fine-tuning"}
    assert found["samples"] == 0
    assert found["examples"] == found["problems"]


def test_a_practice_world_is_as_large_as_asked_for_and_starts_at_its_level(plan):
    words = ["recipes/curriculum.yaml", "--gpu", "h100"]
    all_levels, first, last = (plan(*words, *more) for more in ([], ["curriculum.start=1"], ["curriculum.start=5"]))
    assert all_levels["samples"] == first["samples"] == last["samples"] == 600
    lengths = [found["tokens"]["attempts"]["written"] for found in (first, all_levels, last)]
    assert lengths == sorted(lengths)
    assert lengths[2] > 1.5 * lengths[0]


def test_a_quality_filter_and_carried_rationales_change_what_is_trained_on(plan):
    words = ["recipes/arithmetic.yaml", "--gpu", "h100"]
    plain = plan(*words)["examples"]
    assert plan(*words, "selection.quality={keep: 0.8}")["examples"] == pytest.approx(0.8 * plain)
    carried = [plan(*words, "selection.keep_iterations=2", "--iteration", n)["examples"] for n in "123"]
    assert carried == pytest.approx([plain, 2 * plain, 2 * plain])


def test_what_is_assumed_and_what_is_left_out_is_printed(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main([*SUMS, "--passed", "0.25"]) == 0
    shown = capsys.readouterr().out
    assert "--passed 0.25" in shown
    assert "the audit is not estimated" in shown
    with pytest.raises(SystemExit):
        main([*SUMS, "--passed", "1.5"])
    assert "a share from 0 to 1" in capsys.readouterr().err


def test_a_verifier_may_have_no_pairs(plan):
    found = plan("recipes/family/v-star.yaml", "--gpu", "h100", "--pairs", "0")
    assert found["pairs"] == found["assumed"]["pairs"] == 0
    assert not {"verifier", "scoring pairs", "ranking", "best-of"} & found["seconds"].keys()


def test_a_verifier_in_a_practice_world_looks_at_new_problems_of_each_iteration(plan):
    words = ["decoding.samples=4", "decoding.temperature=1.0", "verifier={epochs: 1}"]
    first, third = (
        plan("recipes/curriculum.yaml", *words, "--gpu", "h100", "--iteration", n)["pairs"] for n in ("1", "3")
    )
    assert third == pytest.approx(3 * first)


def test_a_measured_0_is_no_default(plan):
    found = plan(*SUMS, "--drafts", "0")
    assert found["problems"] == 630
    assert found["assumed"]["drafts"] == 0
    assert found["tokens"]["new problems"]["written"] > 128


def test_a_step_keeps_activations_of_a_batch_however_many_examples_there_are(plan):
    words = ["recipes/arithmetic.yaml", "problems_per_iteration=null", "train.batch_size=2", "--gpu", "h100"]
    few, many = (plan(*words, "--problems", n)["memory"]["activations in training"] for n in ("100", "100000"))
    assert few == many
    assert plan(*words, "train.batch_size=4")["memory"]["activations in training"] == pytest.approx(2 * few)
    assert FineTuning(1000, 4000, 1000, 8).at_once(4096) == 5000  # an example is never split
    assert FineTuning(1000, 400, 100, 8).at_once(4096) == 4000


def test_what_is_wrong_with_the_data_is_said_where_the_exemplars_stand_in(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    where = [f"task.path={tmp_path}", "audit.contamination=refuse"]
    words = ["recipes/smollm2-gsm8k.yaml", *where, "--llama", "1B", "--gpu", "h100"]
    for split, numbers in (("train", [1, 2, 3]), ("test", [3, 4])):
        rows = [{"question": f"Tom has {n} apples and buys 2. How many?", "answer": f"#### {n + 2}"} for n in numbers]
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(words) == 2
    assert main([*words, "--problems", "1000"]) == 0
    assert capsys.readouterr().err.count("1 of 3 training problems overlap held-out") == 2


@pytest.mark.parametrize(
    ("flag", "values", "kind"),
    [
        ("--gpus", ("0", "-1", "1.5", "inf"), "a whole number above 0"),
        ("--processes", ("0", "-1", "x"), "a whole number above 0"),
        ("--iteration", ("0", "-1"), "a whole number above 0"),
        ("--problems", ("0", "-5", "nan", "inf"), "a number above 0"),
        ("--pairs", ("-1", "nan", "inf"), "a number of at least 0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(capsys, flag, values, kind):
    for value in values:
        with pytest.raises(SystemExit) as stopped:
            main(["recipes/arithmetic.yaml", "--gpu", "h100", flag, value])
        assert stopped.value.code == 2
        assert f"argument {flag}: '{value}' is not {kind}" in capsys.readouterr().err


def test_no_completion_is_longer_than_it_may_be(plan):
    found = plan("recipes/arithmetic.yaml", "decoding.max_new_tokens=50", "--gpu", "h100", "--completion", "1000")
    assert found["assumed"]["completion"] == 50
    sampled = [stage["written"] for name, stage in found["tokens"].items() if name in ("attempts", "rationalizations")]
    assert sum(sampled) == 50 * found["samples"]


def test_the_history_has_all_problems_so_far_and_each_once(plan):
    def rows(*words):
        return [plan(*words, "--gpu", "h100", "--iteration", n)["bytes"]["rows"] for n in ("1", "2", "9")]

    sums = ["recipes/arithmetic.yaml", "problems_per_iteration=1000"]
    first, second, ninth = rows(*sums)
    everything = plan(*sums, "problems_per_iteration=null", "--gpu", "h100")["problems"]
    assert second - first == pytest.approx(1000 * HISTORY)
    assert ninth - first == pytest.approx((min(9000, everything) - 1000) * HISTORY)
    first, second, ninth = rows("recipes/curriculum.yaml", "curriculum.start=1")
    assert ninth - first == pytest.approx(8 * (second - first))

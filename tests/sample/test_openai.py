"""Sampling from real servers with real models: the same text as locally, and nothing lost when a process is killed."""

import multiprocessing
import threading
import time
from pathlib import Path

import pytest
import torch

from star.cli import main
from star.errors import UserError
from star.interrupt import Interrupted, handling_signals, whole
from star.models import Checkpoint, resolve_checkpoint
from star.recipe import Decoding, Model, SamplerSettings, load_recipe
from star.records import Prompt
from star.sample import LocalSampler
from star.sample.openai import OpenAISampler
from star.store.integrity import verify_run
from star.tasks import build_task
from tests.conftest import TINY
from tests.openai_server import Small

QUESTIONS = ["Q: What is 12 + 34?\nA:", "Q: 5?\nA:", "Tom has three apples", "é ü 漢字", "Q: What is 7 + 1?\nA:", "the"]
PROMPTS = [Prompt(f"p{i}", text) for i, text in enumerate(QUESTIONS)]
DRAWN = Decoding(temperature=1.0, top_p=0.95, samples=4, max_new_tokens=12)


@pytest.fixture(scope="module")
def starter(tmp_path_factory, cache):
    """The base model of the tiny recipe."""
    path = tmp_path_factory.mktemp("starter") / "tiny.yaml"
    path.write_text(TINY)
    recipe = load_recipe(path)
    return Path(resolve_checkpoint(recipe, build_task(recipe)).name)


@pytest.fixture(scope="module")
def server(random_models, starter, tmp_path_factory):
    running = Small([random_models["llama"], starter], tmp_path_factory.mktemp("server") / "log.jsonl", delay=0.03)
    yield running.wait()
    running.end()


@pytest.fixture(scope="module")
def adapter(random_models, tmp_path_factory):
    """An adapter that changes what the model writes."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(random_models["llama"], dtype=torch.float32)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    folder = tmp_path_factory.mktemp("adapter")
    get_peft_model(base, config).save_pretrained(folder)
    return folder


@pytest.fixture
def sampler_for(recipe_with, random_models, server):
    def make(folder, *overrides):
        recipe = recipe_with(
            f"model.path={random_models['llama']}",
            f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], concurrency: 4}}}}",
            *overrides,
        )
        return OpenAISampler(recipe, Checkpoint(str(random_models["llama"])), folder)

    return make


@pytest.fixture
def local(random_models):
    model = Model(path=str(random_models["llama"]), dtype="float32", device="cpu")
    return LocalSampler(model, SamplerSettings(), Checkpoint(str(random_models["llama"])), False, 100_000)


@pytest.mark.parametrize("as_text", ["false", "true"])
def test_greedy_completions_are_those_of_our_own_engine(sampler_for, local, tmp_path, as_text):
    decoding = Decoding(max_new_tokens=16, stop=["a", "?\n"])
    sampler = sampler_for(tmp_path, f"sampler.openai.as_text={as_text}")
    completions = sampler.sample(PROMPTS, decoding, seed=0)
    assert completions == local.sample(PROMPTS, decoding, seed=0)
    assert {c.finish_reason for c in completions} >= {"stop"}


def test_each_iteration_samples_from_its_own_adapter(sampler_for, local, tmp_path, adapter, server):
    decoding, sampler = Decoding(max_new_tokens=12), sampler_for(tmp_path)
    base = sampler.sample(PROMPTS, decoding, seed=0)
    for one in (sampler, local):
        one.use(adapter, "iteration-001")
    adapted = sampler.sample(PROMPTS, decoding, seed=0)
    assert adapted == local.sample(PROMPTS, decoding, seed=0)
    assert [c.text for c in adapted] != [c.text for c in base]
    sampler.use(None, "base")
    assert sampler.sample(PROMPTS, decoding, seed=0) == base
    names = {row["model"] for row in server.answered()}
    assert sum(name.startswith(sampler.family) for name in names) == 1


def test_drawn_completions_depend_on_their_own_seed_alone(sampler_for, tmp_path):
    together = sampler_for(None).sample(PROMPTS, DRAWN, seed=5)
    assert sampler_for(None).sample(PROMPTS[2:3], DRAWN, seed=5) == together[8:12]
    assert len({c.text for c in together}) > len(PROMPTS)
    assert sampler_for(None).sample(PROMPTS[2:3], DRAWN, seed=6) != together[8:12]


def test_what_is_saved_is_not_asked_for_again_until_it_is_in_the_journal(sampler_for, tmp_path, server):
    first = sampler_for(tmp_path).sample(PROMPTS, DRAWN, seed=1)
    lines = (tmp_path / "in-flight.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 24
    damaged = lines[5].replace(b'"text":"', b'"text":"!')
    (tmp_path / "in-flight.jsonl").write_bytes(b"".join([*lines[:5], damaged, *lines[6:20], lines[20][:40]]))
    before = len(server.answered())
    again = sampler_for(tmp_path)
    assert again.sample(PROMPTS, DRAWN, seed=1) == first
    assert len(server.answered()) - before == 5
    second = again.sample(PROMPTS[:1], DRAWN, seed=2)
    before = len(server.answered())
    last = sampler_for(tmp_path)
    assert last.sample(PROMPTS[:1], DRAWN, seed=2) == second
    assert last.sample(PROMPTS, DRAWN, seed=1) == first
    assert len(server.answered()) == before
    last.release()
    assert not (tmp_path / "in-flight.jsonl").exists()


def test_a_wave_that_another_process_has_sampled_is_not_asked_for_again(sampler_for, tmp_path, server, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = []
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        before = len(server.answered())
        found.append(sampler_for(tmp_path).sample(PROMPTS[:1], DRAWN, seed=7))
        assert len(server.answered()) - before == (4 if rank == "1" else 0)
    assert found[0] == found[1]
    first = sampler_for(tmp_path)
    first.sample(PROMPTS[:1], DRAWN, seed=8)
    monkeypatch.setenv("RANK", "1")
    sampler_for(tmp_path).release()
    assert [path.name for path in tmp_path.glob("in-flight*")] == ["in-flight.jsonl"]
    (tmp_path / "in-flight-5.jsonl").touch()
    first.release()
    assert [*tmp_path.glob("in-flight*")] == []


def test_a_prompt_that_cannot_fit_is_an_error_that_names_its_problem(sampler_for, tmp_path):
    with pytest.raises(UserError, match=r"do not fit the context of 256 tokens.*long one"):
        sampler_for(None).sample([Prompt("long one", "apple " * 300)], Decoding(max_new_tokens=8), seed=0)


def test_a_server_killed_in_mid_wave_loses_nothing_and_the_run_waits(sampler_for, tmp_path, adapter, server, capsys):
    undisturbed, sampler = sampler_for(None), sampler_for(tmp_path)
    for one in (undisturbed, sampler):
        one.use(adapter, "iteration-001")
    expected, found = undisturbed.sample(PROMPTS, DRAWN, seed=3), []
    before = len(server.answered())
    thread = threading.Thread(target=lambda: found.extend(sampler.sample(PROMPTS, DRAWN, seed=3)))
    thread.start()
    wait_for(lambda: saved_in(tmp_path) >= 6)
    server.kill()
    time.sleep(0.3)
    server.start()  # on the same port, without the adapter
    thread.join(60)
    assert found == expected
    asked = len(server.answered()) - before
    assert 24 <= asked <= 24 + 4  # what was under way when it died may be asked for twice
    said = capsys.readouterr().out
    assert said.count("does not answer") == 1
    assert said.count("is back after") == 1


def test_a_run_killed_in_mid_wave_asks_only_for_what_had_not_come(sampler_for, tmp_path, server):
    before = len(server.answered())
    fork = multiprocessing.get_context("fork")
    run = fork.Process(target=lambda: sampler_for(tmp_path).sample(PROMPTS, DRAWN, seed=4))
    run.start()
    wait_for(lambda: saved_in(tmp_path) >= 6)
    run.kill()
    run.join()
    assert len(sampler_for(tmp_path).sample(PROMPTS, DRAWN, seed=4)) == 24
    assert 24 <= len(server.answered()) - before <= 24 + 4


def test_a_signal_ends_a_wave_at_once_and_what_came_is_saved(sampler_for, tmp_path):
    fork = multiprocessing.get_context("fork")
    codes = fork.SimpleQueue()

    def work():
        with handling_signals():
            try:
                with whole():
                    sampler_for(tmp_path).sample(PROMPTS, DRAWN.model_copy(update={"samples": 40}), seed=4)
            except Interrupted as signal:
                codes.put(signal.exit_code)

    run = fork.Process(target=work)
    run.start()
    wait_for(lambda: saved_in(tmp_path) >= 3)
    run.terminate()
    run.join(20)
    assert codes.get() == 143
    assert 3 <= saved_in(tmp_path) < 240


def test_a_run_on_a_server_samples_from_its_own_adapter_and_ends_with_the_same_bits(tiny_recipe, tmp_path, server):
    small = ["limit=6", "audit.reference_texts=0", "iterations=1"]
    servers = f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], concurrency: 4}}}}"
    run = ["run", str(tiny_recipe), *small, "--runs", str(tmp_path)]
    assert main([*run, "--name", "local"]) == 0
    assert main([*run, servers, "--name", "served"]) == 0
    for name in ("attempts.jsonl", "train.jsonl", "adapter/adapter_model.safetensors", "evaluation-zero-shot.jsonl"):
        ours, theirs = (tmp_path / run / "iterations" / "001" / name for run in ("local", "served"))
        assert ours.read_bytes() == theirs.read_bytes(), name
    assert [part.problems for part in verify_run(tmp_path / "served")] == [[]] * 3
    assert any("-iteration-001-" in row["model"] for row in server.answered())


def test_data_are_curated_from_a_server_that_takes_no_adapters(tiny_recipe, tmp_path, server):
    curate = ["curate", str(tiny_recipe), "limit=6", "--runs", str(tmp_path)]
    servers = f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], adapters: none, concurrency: 4}}}}"
    assert main([*curate, "--name", "local"]) == 0
    assert main([*curate, servers, "--name", "served"]) == 0
    for name in ("iterations/001/attempts.jsonl", "iterations/001/train.jsonl"):
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "served" / name).read_bytes(), name
    assert (tmp_path / "served/dataset/README.md").is_file()


def saved_in(folder):
    path = folder / "in-flight.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)

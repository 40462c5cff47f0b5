"""vLLM itself, in a process of ours and as a server: `bash scripts/test_vllm.sh` sets STAR_VLLM_PYTHON for these."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
import torch

from star.errors import UserError
from star.models import Checkpoint
from star.processes import Place
from star.recipe import Decoding, Model, SamplerSettings
from star.records import Prompt
from star.sample import LocalSampler
from star.sample.openai import OpenAISampler
from star.sample.vllm_engine import VllmSampler, environment_of_vllm
from tests.openai_server import Running, free_port

PYTHON = os.environ.get("STAR_VLLM_PYTHON")
needs_vllm = pytest.mark.skipif(not PYTHON, reason="slow; scripts/test_vllm.sh runs it")
QUESTIONS = ["Q: What is 12 + 34?\nA:", "Q: 5?\nA:", "Tom has three apples", "é ü 漢字", "Q: What is 7 + 1?\nA:", "the"]
PROMPTS = [Prompt(f"p{i}", text) for i, text in enumerate(QUESTIONS)]
GREEDY = Decoding(max_new_tokens=12, stop=["a", "?\n"])
DRAWN = Decoding(temperature=1.0, top_p=0.95, samples=3, max_new_tokens=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory, bpe_tokenizer):
    """A random model with heads of a size that vLLM takes on a CPU."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        vocab_size=len(bpe_tokenizer), bos_token_id=None, eos_token_id=bpe_tokenizer.eos_token_id, hidden_size=64,
        intermediate_size=96, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=256,
        initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    bpe_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(model, tmp_path_factory):
    """Two adapters that change what the model writes."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folders = []
    for seed in (3, 4):
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
        config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
        folders.append(tmp_path_factory.mktemp(f"adapter-{seed}"))
        get_peft_model(base, config).save_pretrained(folders[-1])
    return folders


@pytest.fixture(scope="module")
def expected(model, adapters):
    """What our own engine writes, with the base model and with each adapter."""
    local = LocalSampler(
        Model(path=str(model), dtype="float32", device="cpu"), SamplerSettings(), Checkpoint(str(model)), False, 100_000
    )
    found = []
    for adapter, name in zip([None, *adapters], ["base", "iteration-001", "iteration-002"], strict=True):
        local.use(adapter, name)
        found.append(local.sample(PROMPTS, GREEDY, seed=0))
    return found


def in_process(recipe_with, model, *overrides, python=PYTHON):
    recipe = recipe_with(
        f"model={{path: {model}, dtype: float32, device: cpu}}",
        f"sampler={{kind: vllm, vllm: {{python: {python}, enforce_eager: true}}}}",
        "train.rank=4",
        *overrides,
    )
    return VllmSampler(recipe, Checkpoint(str(model)))


def test_a_missing_vllm_is_an_error_that_says_how_to_get_it(recipe_with, random_models):
    sampler = in_process(recipe_with, random_models["llama"], python=sys.executable)
    with pytest.raises(UserError, match="has no vLLM; pip install vllm"):
        sampler.sample(PROMPTS, GREEDY, seed=0)


def test_an_interpreter_that_is_not_there_is_an_error_that_names_it(recipe_with, random_models):
    sampler = in_process(recipe_with, random_models["llama"], python="/nowhere/python")
    with pytest.raises(UserError, match=r"sampler.vllm.python = '/nowhere/python': cannot be started"):
        sampler.sample(PROMPTS, GREEDY, seed=0)


FAKE = """#!{python}
import json, os, subprocess, sys
say = lambda reply: print(json.dumps(reply), flush=True)
say({{"found": True}})
say({{"ready": "0"}})
for line in sys.stdin:
    request = json.loads(line)
    with open({log!r}, "a") as log:
        log.write(json.dumps({{"adapter": request["adapter"], "environment": dict(os.environ)}}) + "\\n")
    if request["params"]["max_tokens"] == 1:  # die, but leave a child that holds the pipe
        subprocess.Popen(["sleep", "60"])
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(3)
    one = {{"tokens": [5], "finish_reason": "length", "stop_reason": None}}
    say({{"completions": [one] * len(request["prompts"])}})
"""


def test_an_error_says_what_vllm_names_as_its_cause_far_above_its_last_lines(recipe_with, random_models, tmp_path):
    script = tmp_path / "python"
    script.write_text(f"""#!{sys.executable}
import sys
print("(EngineCore pid=7) ERROR 11-27 [core.py:1510] AssertionError: Not enough NUMA nodes", file=sys.stderr)
print("  File 'core.py'\\n" * 40 + "RuntimeError: failed. See root cause above.", file=sys.stderr)
sys.exit(1)
""")
    script.chmod(0o755)
    says = r"exit code 1.*It says: AssertionError: Not enough NUMA nodes\. Its last lines:"
    with pytest.raises(UserError, match=says):
        in_process(recipe_with, random_models["llama"], python=script).sample(PROMPTS[:1], GREEDY, seed=0)


@pytest.fixture
def fake(recipe_with, random_models, tmp_path):
    """A sampler with a stand-in that speaks the protocol of `vllm_worker.py`, and what that was asked."""
    log, script = tmp_path / "asked.jsonl", tmp_path / "python"
    script.write_text(FAKE.format(python=sys.executable, log=str(log)))
    script.chmod(0o755)
    sampler = in_process(recipe_with, random_models["llama"], python=script)
    yield sampler, lambda: [json.loads(line) for line in log.read_text().splitlines()]
    sampler.release()


def test_all_waves_of_an_adapter_have_its_one_id_and_the_next_adapter_has_another(fake, tmp_path):
    sampler, asked = fake
    for name in ("iteration-001", "iteration-001", "iteration-002"):
        sampler.use(tmp_path / name, name)
        sampler.sample(PROMPTS[:1], GREEDY, seed=0)
    assert [row["adapter"][:2] for row in asked()] == [["iteration-001-1", 1]] * 2 + [["iteration-002-2", 2]]


def test_a_process_that_dies_is_an_error_even_if_a_child_of_it_lives_on(fake):
    sampler, _ = fake
    with pytest.raises(UserError, match=r"(?s)vLLM ended with exit code 3.*out of memory"):
        sampler.sample(PROMPTS[:1], GREEDY.model_copy(update={"max_new_tokens": 1}), seed=0)


def test_what_a_launcher_tells_the_run_is_not_told_to_vllm(fake, monkeypatch):
    launcher = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "here", "OMPI_COMM_WORLD_RANK": "0"}
    launcher |= {"TORCHELASTIC_RUN_ID": "x", "ACCELERATE_USE_FSDP": "true", "GROUP_RANK": "0", "PMI_SIZE": "1"}
    for name, value in {**launcher, "VLLM_SOME": "setting"}.items():
        monkeypatch.setenv(name, value)
    sampler, asked = fake
    sampler.sample(PROMPTS[:1], GREEDY, seed=0)
    (row,) = asked()
    assert row["environment"].keys() & launcher.keys() == set()
    assert row["environment"]["VLLM_SOME"] == "setting"


@pytest.mark.parametrize(
    ("size", "visible", "local", "expected"),
    [(8, None, "3", "3"), (8, "4,5,6,7", "1", "5"), (8, "6", "6", "6"), (1, "0,1", "0", "0,1")],
)
def test_each_process_of_a_machine_has_a_gpu_of_its_own(size, visible, local, expected):
    ours = {"LOCAL_RANK": local} | ({"CUDA_VISIBLE_DEVICES": visible} if visible else {})
    assert environment_of_vllm(ours, Place(int(local), size), has_gpus=True)["CUDA_VISIBLE_DEVICES"] == expected


def test_vllm_over_several_gpus_in_several_processes_is_an_error_that_says_what_to_do(
    recipe_with, random_models, monkeypatch
):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"tensor_parallel_size = 2 in a run of 2 processes.*sampler.kind: openai"):
        in_process(recipe_with, random_models["llama"], "sampler.vllm.tensor_parallel_size=2")


@needs_vllm
@pytest.mark.parametrize("parts", [1, 2])
def test_vllm_in_process_writes_what_our_engine_writes_and_gives_its_memory_back(
    recipe_with, model, adapters, expected, monkeypatch, parts
):
    if parts > 1:
        monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")  # by itself it asks for a NUMA node for each
    sampler = in_process(recipe_with, model, f"sampler.vllm.tensor_parallel_size={parts}")
    assert sampler.sample(PROMPTS, GREEDY, seed=0) == expected[0]
    together = sampler.sample(PROMPTS, DRAWN, seed=5)
    assert sampler.sample(PROMPTS[2:3], DRAWN, seed=5) == together[6:9]
    for number, adapter in enumerate(adapters, 1):
        sampler.use(adapter, f"iteration-{number:03d}")
        assert sampler.sample(PROMPTS, GREEDY, seed=0) == expected[number]
    group = sampler.worker.process.pid
    sampler.release()
    alive = [one for one in psutil.process_iter() if one.status() != psutil.STATUS_ZOMBIE]
    assert [one for one in alive if os.getpgid(one.pid) == group] == []


@needs_vllm
def test_a_vllm_that_dies_is_an_error_with_what_it_said_last(recipe_with, model):
    sampler = in_process(recipe_with, model, "iterations=0")
    sampler.sample(PROMPTS[:1], GREEDY, seed=0)
    os.killpg(sampler.worker.process.pid, signal.SIGKILL)
    with pytest.raises(UserError, match="vLLM ended with exit code -9"):
        sampler.sample(PROMPTS, GREEDY, seed=0)
    sampler.release()


@pytest.fixture(scope="module")
def server(model):
    port = free_port()
    command = [
        PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--port", str(port), "--dtype",
        "float32", "--enforce-eager", "--enable-lora", "--max-lora-rank", "8", "--host", "127.0.0.1",
    ]  # fmt: skip
    # without a PYTHONPATH: vLLM's environment has libraries of its own
    environment = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_CPU_KVCACHE_SPACE": "2", "PYTHONPATH": ""}
    running = Running(command, port, **environment)
    yield running.wait(400)
    running.end()


@needs_vllm
def test_a_vllm_server_writes_what_our_engine_writes_with_each_adapter(
    recipe_with, model, adapters, expected, server, tmp_path
):
    recipe = recipe_with(f"model.path={model}", f"sampler={{kind: openai, openai: {{urls: ['{server.url}']}}}}")
    sampler = OpenAISampler(recipe, Checkpoint(str(model)), tmp_path)
    for number, adapter in enumerate([None, *adapters]):
        sampler.use(adapter, f"iteration-{number:03d}" if number else "base")
        assert sampler.sample(PROMPTS, GREEDY, seed=0) == expected[number]
    together = sampler.sample(PROMPTS, DRAWN, seed=5)
    again = OpenAISampler(recipe, Checkpoint(str(model)), None)
    again.use(adapters[-1], "iteration-002")
    assert again.sample(PROMPTS[2:3], DRAWN, seed=5) == together[6:9]
    listed = sampler.pool.servers[0].get("/models")["data"]
    assert [row["id"] for row in listed if row["id"].startswith(sampler.family)] == [sampler.served.name]


@needs_vllm
def test_an_adapter_that_a_vllm_server_cannot_load_is_an_error_that_says_what_it_needs(recipe_with, model, server):
    recipe = recipe_with(f"model.path={model}", f"sampler={{kind: openai, openai: {{urls: ['{server.url}']}}}}")
    sampler = OpenAISampler(recipe, Checkpoint(str(model)), None)
    sampler.served = sampler.served._replace(name="star-x", adapter=Path("/nowhere/adapter"), family="star-x")
    with pytest.raises(UserError, match=r"cannot load the adapter /nowhere/adapter .*--max-lora-rank"):
        sampler.sample(PROMPTS, GREEDY, seed=0)

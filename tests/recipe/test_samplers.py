"""What a recipe may say about the engine that samples."""

import re
from pathlib import Path

import pytest

from star.errors import UserError
from star.recipe import NOT_DECIDING, canonical, load_recipe, recipe_hash

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text()
SERVERS = "sampler={kind: openai, openai: {urls: ['http://a:1/v1']}}"


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_of_the_page_about_engines_are_recipes(tmp_path, block):
    path = tmp_path / "r.yaml"
    path.write_text("name: x\ntask: {kind: gsm8k}\n" + ("" if "model:" in block else "model: {path: m}\n") + block)
    recipe = load_recipe(path)
    assert recipe.sampler.kind in ("openai", "vllm")
    path.write_text(canonical(recipe))
    assert load_recipe(path) == recipe


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["sampler.kind=openai"], "sampler: kind: openai needs openai.urls"),
        (["sampler.openai={urls: ['http://a/v1']}"], "sampler: openai belongs to kind: openai"),
        (["sampler.vllm={}"], "sampler: vllm belongs to kind: vllm"),
        ([SERVERS, "sampler.openai.urls=[]"], "sampler.openai.urls = []: List should have at least 1 item"),
        ([SERVERS, "sampler.openai.urls=['a:8000']"], "sampler.openai.urls.0 = 'a:8000': String should match pattern"),
        ([SERVERS, "sampler.openai.url=b"], "sampler.openai.url: unknown key; did you mean urls?"),
        ([SERVERS, "sampler.openai.api=chat"], "sampler.openai.api: chat needs prompt.chat: true"),
        (
            [SERVERS, "sampler.openai.api=chat", "sampler.openai.as_text=true", "prompt.chat=true"],
            "sampler.openai: as_text belongs to api: completions",
        ),
        ([SERVERS, "sampler.openai.adapters=none"], "sampler.openai.adapters: none has the base model only"),
        ([SERVERS, "sampler.openai.api_key_env=MINE"], "expected a name such as MY_API_KEY"),
        ([SERVERS, "sampler.openai.urls=['http://me:pass@a/v1']"], "holds credentials in a URL"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_so(recipe_with, overrides, said):
    with pytest.raises(UserError) as caught:
        recipe_with(*overrides)
    assert said in str(caught.value)


def test_servers_may_move_under_a_run_and_vllm_may_be_started_otherwise(recipe_with):
    moved = recipe_with(SERVERS, "sampler.openai.urls=['http://b:2/v1']", "sampler.openai.concurrency=3")
    assert recipe_hash(moved) == recipe_hash(recipe_with(SERVERS))
    assert recipe_hash(recipe_with(SERVERS, "sampler.openai.model=other")) != recipe_hash(moved)
    assert {"sampler.vllm.tensor_parallel_size", "sampler.openai.patience"} < set(NOT_DECIDING)

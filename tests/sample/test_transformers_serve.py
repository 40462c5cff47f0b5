"""transformers' own server (`transformers serve`), as anybody can start it."""

import sys

import pytest

from star.errors import UserError
from star.models import Checkpoint
from star.recipe import Decoding
from star.records import ChatText, Prompt
from star.sample.openai import OpenAISampler
from tests.openai_server import Running, free_port

pytest.importorskip("uvicorn", reason="transformers serve needs pip install 'transformers[serving]'")
pytest.importorskip("fastapi")
pytest.importorskip("openai")

START = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
TEMPLATE = "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}{% endfor %}<assistant>"


@pytest.fixture(scope="module")
def model(architectures, bpe_tokenizer, tmp_path_factory):
    """A random model with a chat template."""
    import shutil

    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(architectures("llama"), folder, dirs_exist_ok=True)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    port = free_port()
    command = [sys.executable, "-c", START, "serve", str(model), "--port", str(port), "--device", "cpu"]
    home = str(tmp_path_factory.mktemp("hub"))
    running = Running(command, port, health="/health", HF_HOME=home, HF_HUB_CACHE=home)
    yield running.wait(300)
    running.end()


def test_transformers_serve_gives_text_of_our_prompts_and_turns_and_refuses_tokens_with_a_reason(
    recipe_with, model, server
):
    decoding, found = Decoding(max_new_tokens=8), {}
    prompts = [Prompt(f"p{i}", ChatText(f"<user>{q}<assistant>", (("user", q),))) for i, q in enumerate(["2?", "Tom"])]
    for settings in ("as_text: true", "api: chat", "api: completions"):
        recipe = recipe_with(
            f"model.path={model}",
            "prompt.chat=true",
            f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], patience: 2, {settings}}}}}",
        )
        sampler = OpenAISampler(recipe, Checkpoint(str(model)), None)
        if settings == "api: completions":
            with pytest.raises(UserError, match="prompt must be a string"):
                sampler.sample(prompts, decoding, seed=0)
        else:
            found[settings] = sampler.sample(prompts, decoding, seed=0)
    assert found["as_text: true"] == found["api: chat"]
    assert {(c.num_tokens, c.finish_reason) for c in found["api: chat"]} == {(8, "length")}

"""How servers that are busy, gone, wrong or unwilling are dealt with, over real connections."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from star.errors import UserError
from star.models import Checkpoint
from star.recipe import Decoding
from star.records import ChatText, Prompt
from star.sample import openai_client
from star.sample.openai import OpenAISampler
from star.sample.openai_client import Failure, Server
from star.sample.openai_pool import Pool, Served

TEXT = {"choices": [{"text": "4", "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}
KEY = "sk-secret-0123456789"


class Scripted:
    """A server that answers what a script says: a list of (status, object or text, headers), the last one for good.

    `asked` has every POST: route, body and the `Authorization` that came with it. The models in `later` are listed from
    the second time on.
    """

    def __init__(self, *script, models=("m",), owner="me", later=()):
        self.script, self.models, self.owner, self.asked = list(script or [(200, TEXT)]), models, owner, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(200, {"data": [{"id": name, "owned_by": outer.owner} for name in outer.models]})
                outer.models = (*models, *later)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.proxy_authorization = self.headers["Proxy-Authorization"]
                outer.asked.append((self.path, body, self.headers["Authorization"]))
                self.reply(*(outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]))

            def reply(self, status, what, headers=()):
                data = (what if isinstance(what, str) else json.dumps(what)).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": len(data),
                    **dict(headers),
                }.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def end(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def scripted():
    servers = []

    def make(*script, **options):
        servers.append(Scripted(*script, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.end()


def pool_of(*urls, patience=5.0, timeout=5.0):
    return Pool([Server(url, None, timeout, 4) for url in urls], patience)


def ask(pool, served=None, body=None):
    return pool.ask("/completions", body or {"prompt": [1]}, served or Served("m", "m"), threading.Event())


GONE = "http://127.0.0.1:9/v1"  # the port of `discard`, where nobody listens


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_another_try_may_mend_is_tried_again(scripted, status):
    server = scripted((status, {"error": {"message": "busy"}}), (200, "<html>"), (200, TEXT))
    assert ask(pool_of(server.url)) == TEXT
    assert len(server.asked) == 3


def test_a_server_that_says_when_to_come_back_is_taken_at_its_word(scripted):
    server = scripted((429, {"error": "slow down"}, {"Retry-After": "1"}), (200, TEXT))
    begin = time.monotonic()
    ask(pool_of(server.url))
    assert time.monotonic() - begin >= 1


@pytest.mark.parametrize("seconds", ["86400", "9" * 400])
def test_a_server_that_asks_for_too_much_patience_gets_what_there_is(scripted, seconds):
    server, begin = scripted((429, "later", {"Retry-After": seconds})), time.monotonic()
    with pytest.raises(UserError, match=r"no answer for 0 s \(sampler.openai.patience\): HTTP 429: later"):
        ask(pool_of(server.url, patience=0.4))
    assert 0.4 <= time.monotonic() - begin < 3


def test_another_server_of_the_pool_is_asked_first_and_without_waiting(scripted, capsys):
    good, begin = scripted(), time.monotonic()
    pool = pool_of(GONE, good.url)
    for _ in range(5):
        assert ask(pool) == TEXT
    assert time.monotonic() - begin < 0.5
    said = capsys.readouterr().out
    assert said.count(f"warning: {GONE} does not answer") == 1
    assert "the others go on" in said


def test_requests_go_to_the_server_that_is_least_busy(scripted):
    one, other = scripted(), scripted()
    pool = pool_of(one.url, other.url)
    pool.servers[0].in_flight = 3
    ask(pool)
    assert (len(one.asked), len(other.asked)) == (0, 1)


def test_a_pool_that_is_gone_for_too_long_is_an_error_that_says_how_to_go_on():
    with pytest.raises(UserError) as caught:
        ask(pool_of(GONE, patience=0.6))
    for part in (GONE, "refused", "sampler.openai.patience", "are saved", "the same command goes on"):
        assert part in str(caught.value)


def test_a_wait_ends_when_nobody_waits_for_it_any_more():
    stop, begin = threading.Event(), time.monotonic()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Failure):
        pool_of(GONE, patience=60).ask("/completions", {}, Served("m", "m"), stop)
    assert time.monotonic() - begin < 3


def test_an_answer_that_takes_too_long_is_asked_for_elsewhere(scripted):
    good = scripted()
    with threading_listener() as silent:
        assert ask(pool_of(silent, good.url, timeout=0.3)) == TEXT


def test_a_server_that_hangs_holds_up_requests_together_and_not_one_by_one(monkeypatch):
    monkeypatch.setattr(openai_client, "LOOK_SECONDS", 0.5)
    with threading_listener() as silent:
        pool, said, begin = pool_of(silent, patience=0.1, timeout=60), [], time.monotonic()

        def one():
            with pytest.raises(UserError) as caught:
                ask(pool)
            said.append(str(caught.value))

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - begin < 8 * 0.5
    assert [text.startswith(f"{silent}: no answer") for text in said] == [True] * 8


def test_a_refusal_ends_at_once_with_the_words_of_the_server(scripted):
    server = scripted((400, {"error": {"message": "max_tokens is too large"}}))
    with pytest.raises(UserError, match="refuses a request: HTTP 400: max_tokens is too large"):
        ask(pool_of(server.url))
    assert len(server.asked) == 1


def test_a_server_of_another_model_is_an_error_that_says_what_it_serves(scripted):
    server = scripted(models=("llama", "phi"))
    with pytest.raises(UserError, match=r"does not serve 'm' but \['llama', 'phi'\].*sampler.openai.model"):
        ask(pool_of(server.url))
    assert server.asked == []


def test_a_server_without_the_route_for_adapters_is_an_error_that_says_how_to_start_it(scripted, tmp_path):
    server = scripted((404, {"detail": "Not Found"}))
    with pytest.raises(UserError, match=r"cannot load the adapter .*HTTP 404.*VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"):
        ask(pool_of(server.url), Served("m", "star-1-a", tmp_path, "star-1-"))


def test_an_adapter_is_loaded_once_its_predecessors_are_unloaded_and_others_left_alone(scripted, tmp_path):
    server = scripted((200, "removed"), (200, "added"), (200, TEXT), models=("m", "star-1-old", "star-2-other"))
    pool, served = pool_of(server.url), Served("m", "star-1-new", tmp_path, "star-1-")
    ask(pool, served)
    ask(pool, served)
    assert [(route, body.get("lora_name")) for route, body, _ in server.asked] == [
        ("/v1/unload_lora_adapter", "star-1-old"),
        ("/v1/load_lora_adapter", "star-1-new"),
        ("/v1/completions", None),
        ("/v1/completions", None),
    ]


def test_an_adapter_that_another_process_of_the_run_has_just_loaded_is_there(scripted, tmp_path):
    refusal = 400, {"error": {"message": "The lora adapter 'star-1-new' has already been loaded."}}
    server = scripted(refusal, (200, TEXT), later=["star-1-new"])
    assert ask(pool_of(server.url), Served("m", "star-1-new", tmp_path, "star-1-")) == TEXT


def test_an_adapter_that_a_restart_has_lost_is_loaded_again(scripted, tmp_path):
    server = scripted((200, "added"), (404, {"error": {"message": "no such model"}}), (200, "added"), (200, TEXT))
    assert ask(pool_of(server.url), Served("m", "star-1-new", tmp_path, "star-1-")) == TEXT
    assert [route.rpartition("/")[2] for route, *_ in server.asked] == ["load_lora_adapter", "completions"] * 2


def test_a_server_whose_defaults_would_change_the_draw_is_told_not_to(scripted):
    known, unknown = scripted(owner="vllm"), scripted()
    for server in (known, unknown):
        ask(pool_of(server.url), body={"prompt": [1], "top_p": 0.9})
    assert (
        known.asked[0][1].items()
        >= {"top_k": -1, "repetition_penalty": 1.0, "presence_penalty": 0.0, "top_p": 0.9}.items()
    )
    assert unknown.asked[0][1] == {"prompt": [1], "top_p": 0.9, "model": "m"}


@pytest.fixture
def sampler(recipe_with, random_models, scripted):
    def make(*script, settings="", overrides=(), **options):
        server = scripted(*script, **options)
        recipe = recipe_with(
            f"sampler={{kind: openai, openai: {{urls: ['{server.url}'], model: m, patience: 1 {settings}}}}}",
            f"model.path={random_models['llama']}",
            *overrides,
        )
        return OpenAISampler(recipe, Checkpoint(str(random_models["llama"])), None), server

    return make


def test_the_key_is_sent_and_never_shown(sampler, monkeypatch):
    monkeypatch.setenv("MINE_API_KEY", KEY)
    one, server = sampler((401, {"error": f"wrong key {KEY}"}), settings=", api_key_env: MINE_API_KEY")
    with pytest.raises(UserError, match=r"HTTP 401: wrong key \*\*\*"):
        one.sample([Prompt("p", "the")], Decoding(), seed=0)
    assert server.asked[0][2] == f"Bearer {KEY}"


def test_a_key_that_is_not_there_is_an_error_that_names_the_variable(sampler, monkeypatch):
    monkeypatch.delenv("MINE_API_KEY", raising=False)
    with pytest.raises(UserError, match=r"sampler.openai.api_key_env = 'MINE_API_KEY': no such environment variable"):
        sampler(settings=", api_key_env: MINE_API_KEY")


def test_a_key_that_is_none_is_an_error_that_does_not_show_it(sampler, monkeypatch):
    for value in ("sk-secret\n0123456789", "sk-sécret-0123456789"):
        monkeypatch.setenv("MINE_API_KEY", value)
        with pytest.raises(UserError, match=r"sampler.openai.api_key_env = 'MINE_API_KEY'") as caught:
            sampler(settings=", api_key_env: MINE_API_KEY")
        assert "cret" not in str(caught.value)


def test_a_key_is_hidden_without_the_line_end_of_its_file(sampler, monkeypatch):
    monkeypatch.setenv("MINE_API_KEY", f"{KEY}\n")
    one, server = sampler((401, {"error": f"wrong key {KEY}"}), settings=", api_key_env: MINE_API_KEY")
    with pytest.raises(UserError, match=r"HTTP 401: wrong key \*\*\*"):
        one.sample([Prompt("p", "the")], Decoding(), seed=0)
    assert server.asked[0][2] == f"Bearer {KEY}"


def test_a_proxy_is_used_with_its_password(scripted, monkeypatch):
    proxy = scripted()
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for scheme in ("", "http://"):
        monkeypatch.setenv("http_proxy", f"{scheme}me:p%40ss@{proxy.url.removeprefix('http://').removesuffix('/v1')}")
        assert ask(pool_of("http://model.test/v1")) == TEXT
        assert proxy.asked.pop()[0] == "http://model.test/v1/completions"
        assert proxy.proxy_authorization == "Basic " + base64.b64encode(b"me:p@ss").decode()


@pytest.mark.parametrize("proxy", ["socks5://me:secret@proxy:1080", "http://", "http://proxy:port"])
def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "elsewhere.test")
    with pytest.raises(UserError, match="HTTP_PROXY") as caught:
        pool_of("http://model.test/v1")
    assert "secret" not in str(caught.value)


def test_an_adapter_is_read_once_however_often_it_is_named(sampler, tmp_path):
    one, _ = sampler()
    (tmp_path / "adapter_model.safetensors").write_bytes(b"weights")
    one.use(tmp_path, "iteration-001")
    served = one.served
    (tmp_path / "adapter_model.safetensors").unlink()
    one.use(tmp_path, "iteration-001")
    assert one.served == served
    one.use(None, "base")
    assert one.served == Served("m", "m")


def test_a_server_that_allows_fewer_tokens_than_asked_for_is_told_of_once(sampler, capsys):
    one, _ = sampler((200, {"choices": [{"text": "4", "finish_reason": "length"}], "usage": {"completion_tokens": 2}}))
    prompts = [Prompt("p", "the"), Prompt("q", "the")]
    one.sample(prompts, Decoding(max_new_tokens=2), seed=0)
    assert "warning" not in capsys.readouterr().out
    one.sample(prompts, Decoding(max_new_tokens=8), seed=0)
    assert capsys.readouterr().out.count("after 2 tokens, where max_new_tokens allows 8") == 1


def test_without_a_variable_no_key_is_sent(sampler, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    one, server = sampler()
    one.sample([Prompt("p", "the")], Decoding(), seed=0)
    assert server.asked[0][2] is None


def test_a_chat_prompt_is_sent_as_its_turns_and_other_tokens_than_ours_are_told_once(sampler, capsys):
    answer = {"choices": [{"message": {"content": "4"}, "finish_reason": "length"}], "usage": {"prompt_tokens": 99}}
    one, server = sampler((200, answer), settings=", api: chat", overrides=["prompt.chat=true"])
    prompt = Prompt("p", ChatText("<u>2 + 2?<a>", (("user", "2 + 2?"),)))
    found = one.sample([prompt, prompt], Decoding(), seed=0)
    assert {(c.text, c.finish_reason) for c in found} == {("4", "length")}
    assert server.asked[0][:2][0] == "/v1/chat/completions"
    assert server.asked[0][1]["messages"] == [{"role": "user", "content": "2 + 2?"}]
    assert capsys.readouterr().out.count("99 on the server") == 1
    with pytest.raises(UserError, match="has lost its turns"):
        one.sample([Prompt("p", "<u>2 + 2?<a>")], Decoding(), seed=0)


def test_a_text_that_is_no_text_is_mended_and_counted_where_the_server_does_not(sampler):
    one, _ = sampler((200, {"choices": [{"text": "4\ud800 the\n\nQ", "finish_reason": "stop"}]}))
    (found,) = one.sample([Prompt("p", "the")], Decoding(stop=["\n\n"]), seed=0)
    assert (found.text, found.finish_reason) == ("4? the", "stop")
    assert found.num_tokens == len(one.tokenizer("4? the")["input_ids"]) + 1


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"text": 4}]}, {"choices": "none"}])
def test_an_answer_of_something_else_is_an_error_that_shows_it(sampler, answer):
    one, _ = sampler((200, answer))
    with pytest.raises(UserError, match=r"no answer of the OpenAI API; check sampler.openai.urls"):
        one.sample([Prompt("p", "the")], Decoding(), seed=0)


class threading_listener:
    """The URL of somebody who takes connections and never says a word."""

    def __enter__(self):
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/v1"

    def __exit__(self, *_):
        self.socket.close()

"""A small server that speaks the OpenAI API as vLLM does, with a real model: `python tests/openai_server.py --help`.

GET /v1/models, POST /v1/completions and /v1/chat/completions (prompt as text or tokens, seed, stop, temperature, top_p,
top_k) and, where VLLM_ALLOW_RUNTIME_LORA_UPDATING is set, /v1/load_lora_adapter and /v1/unload_lora_adapter. What it
was asked is in a file, one line of JSON for each answer: the tests count them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import psutil

ROOT = Path(__file__).parent.parent


class Service:
    """The models by the name that requests give them, and how text comes from them: one completion at a time."""

    def __init__(self, folders: list[str]):
        import torch

        torch.set_num_threads(1)
        self.lock, self.models, self.tokenizers = threading.Lock(), {}, {}
        for folder in folders:
            self.add(folder, folder, None)

    def add(self, name: str, base: str, adapter: Path | None) -> None:
        import torch

        from star.models import Checkpoint, load_tokenizer, merge_adapter

        self.tokenizers[name] = load_tokenizer(Checkpoint(base))
        self.models[name] = merge_adapter(Checkpoint(base), adapter, torch.float32, torch.device("cpu"))

    def complete(self, request: dict, ids: list[int]) -> dict:
        import torch

        from star.models import eos_token_ids
        from star.sample.choose import choose_tokens

        model, tokenizer = self.models[request["model"]], self.tokenizers[request["model"]]
        stops = request.get("stop") or []
        eos = eos_token_ids(model, tokenizer) | set(request.get("stop_token_ids", ()))
        generator = torch.Generator().manual_seed(request["seed"])
        past, feed, tokens, finish, reason = None, ids, [], "length", None
        while len(tokens) < request["max_tokens"]:
            out = model(torch.tensor([feed]), past_key_values=past, use_cache=True)
            uniform = torch.rand(1, generator=generator, dtype=torch.float64)
            sampling = request["temperature"], request["top_p"], max(0, request.get("top_k", 0))
            past, feed = out.past_key_values, choose_tokens(out.logits[:, -1], uniform, *sampling).tolist()
            tokens += feed
            if feed[0] in eos:
                finish, reason = "stop", None if feed[0] == tokenizer.eos_token_id else feed[0]
                break
            text = tokenizer.decode(tokens, skip_special_tokens=True)
            if reason := next((stop for stop in stops if stop in text), None):
                finish = "stop"
                break
        text = tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        choice = {"index": 0, "finish_reason": finish, "stop_reason": reason}
        choice["text"] = text[: text.index(reason)] if isinstance(reason, str) else text
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(tokens)}
        return {"object": "text_completion", "model": request["model"], "choices": [choice], "usage": usage}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service
    log: Path
    delay: float

    def do_GET(self):
        names = [{"id": name, "object": "model", "owned_by": "vllm"} for name in self.service.models]
        self._answer(200, {"object": "list", "data": names})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        route = self.path.removeprefix("/v1/")
        if route in ("completions", "chat/completions"):
            self._complete(request, route)
        elif route.endswith("_lora_adapter") and os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
            self._adapter(request, route)
        else:
            self._answer(404, {"detail": "Not Found"})

    def _complete(self, request, route):
        import torch

        service = self.service
        if request["model"] not in service.models:
            message = f"The model `{request['model']}` does not exist."
            self._answer(404, {"error": {"message": message, "type": "NotFoundError", "code": 404}})
            return
        time.sleep(self.delay)
        with service.lock, torch.inference_mode():
            ids, tokenizer = request.get("prompt"), service.tokenizers[request["model"]]
            if route == "chat/completions":
                text = tokenizer.apply_chat_template(request["messages"], tokenize=False, add_generation_prompt=True)
                ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            elif isinstance(ids, str):
                ids = tokenizer(ids)["input_ids"]
            answer = service.complete(request, ids)
            with self.log.open("a") as log:
                log.write(json.dumps({"model": request["model"], "seed": request["seed"]}) + "\n")
        if route == "chat/completions":
            choice = answer["choices"][0]
            choice["message"] = {"role": "assistant", "content": choice.pop("text")}
        self._answer(200, answer)

    def _adapter(self, request, route):
        service, name = self.service, request["lora_name"]
        is_loaded = name in service.models
        if route == "unload_lora_adapter":
            if is_loaded:
                del service.models[name]
            self._answer(200 if is_loaded else 404, f"{name} removed" if is_loaded else {"error": {"message": "none"}})
            return
        if is_loaded:
            self._answer(400, {"error": {"message": f"The lora adapter '{name}' has already been loaded."}})
            return
        if not Path(request["lora_path"]).is_dir():
            self._answer(404, {"error": {"message": f"No adapter found for {request['lora_path']}"}})
            return
        adapter = Path(request["lora_path"])
        service.add(name, json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"], adapter)
        self._answer(200, f"Success: LoRA adapter '{name}' added successfully.")

    def _answer(self, status, what):
        body = (what if isinstance(what, str) else json.dumps(what)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(what, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Running:
    """A server as a process of its own, on one port as long as the test lasts."""

    def __init__(self, command: list[str], port: int, health: str = "/v1/models", **environment: str):
        self.port, self.health, self.url = port, health, f"http://127.0.0.1:{port}/v1"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )

    def wait(self, seconds: float = 60):
        """Until it answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.health}", timeout=5).read()
                return self
            except OSError:
                assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
                assert time.monotonic() < end, "the server does not start"
                time.sleep(0.1)

    def end(self):
        """With what it has started: vLLM's engine outlives its server."""
        for process in (*psutil.Process(self.process.pid).children(recursive=True), self.process):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
        self.process.wait()
        self.process.stdin.close()


class Small(Running):
    """The server of this file, for the models in `folders`. What answers is a child of the process that has imported
    everything, so that it can be killed and is soon back."""

    def __init__(self, folders: list[Path], log: Path, delay: float = 0.0):
        self.log, port = log, free_port()
        command = [sys.executable, __file__, str(port), str(log), *map(str, folders), "--delay", str(delay)]
        super().__init__(command, port, VLLM_ALLOW_RUNTIME_LORA_UPDATING="True")
        self.start()

    def start(self):
        """On the same port as before, with the base model alone."""
        self._say("start")

    def kill(self):
        """SIGKILL, as when a machine loses its power."""
        self._say("kill")

    def answered(self) -> list[dict]:
        """What was asked and answered so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def _say(self, word: str):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("log", type=Path)
    parser.add_argument("folders", nargs="+", help="of the models, which are their names in requests")
    parser.add_argument("--delay", type=float, help="seconds that an answer takes at least")
    arguments = parser.parse_args()
    Handler.service, Handler.log, Handler.delay = Service(arguments.folders), arguments.log, arguments.delay
    child = 0
    try:
        for line in sys.stdin:
            if line == "start\n":
                child = os.fork() or _serve(arguments.port)
            else:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                child = 0
    finally:
        if child:
            os.kill(child, signal.SIGKILL)


def _serve(port: int) -> NoReturn:
    ThreadingHTTPServer.request_queue_size = 64
    server, parent = ThreadingHTTPServer(("127.0.0.1", port), Handler), os.getppid()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    main()

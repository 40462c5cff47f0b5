"""vLLM in a process of its own, so that all of its memory is back when it ends. Needs nothing but vLLM.

`vllm_engine.py` starts it with the arguments of `vllm.LLM` as JSON. A request is a line of JSON on standard input, its
reply a line on standard output: `{"found": true}` or `{"missing": interpreter}` and `{"ready": version}` first.

    {"params": {...}, "prompts": [[ids], ...], "seeds": [...], "adapter": [name, id, path] or null}
    {"completions": [{"tokens", "finish_reason", "stop_reason"}, ...]}

It ends, with all processes of its group, as soon as standard input does: nothing is left when its parent dies.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Serve requests until standard input ends."""
    sys.path.pop(0)  # this folder, whose modules are not those that vLLM means
    for number in (signal.SIGINT, signal.SIGTERM):  # the wave is to be ended first; the parent says when
        signal.signal(number, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not write into the replies
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    _reply(replies, {"found": True} if _has_vllm() else {"missing": sys.executable})
    import vllm

    llm = vllm.LLM(**json.loads(sys.argv[1]))
    _reply(replies, {"ready": vllm.__version__})
    while True:
        _reply(replies, {"completions": list(_generate(vllm, llm, json.loads(requests.get())))})


def _has_vllm() -> bool:
    from importlib.util import find_spec

    return find_spec("vllm") is not None


def _read(requests: queue.SimpleQueue[str]) -> None:
    """Pass requests on; at the end of them, end at once, also from within vLLM."""
    for line in sys.stdin:
        requests.put(line)
    os.killpg(0, signal.SIGKILL)


def _reply(replies: Any, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _generate(vllm: Any, llm: Any, request: dict[str, Any]) -> Any:
    """The completions of a request, in the order of its prompts.

    Args:
        vllm: the module, version 0.10 or newer (https://docs.vllm.ai/en/latest/api/vllm).
    """
    adapter = None
    if request["adapter"] is not None:
        from vllm.lora.request import LoRARequest

        adapter = LoRARequest(*request["adapter"])
    params = [vllm.SamplingParams(**request["params"], seed=seed) for seed in request["seeds"]]
    prompts = [{"prompt_token_ids": ids} for ids in request["prompts"]]
    for output in llm.generate(prompts, params, lora_request=adapter, use_tqdm=False):
        one = output.outputs[0]
        yield {
            "tokens": list(one.token_ids),
            "finish_reason": one.finish_reason,
            "stop_reason": one.stop_reason,
        }


if __name__ == "__main__":
    main()

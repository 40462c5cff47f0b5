"""One OpenAI-compatible server: a request in, its JSON out, and a word on whether it is worth trying again.

Protocol: https://platform.openai.com/docs/api-reference; what it says is data, and never more than shown.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import Url, make_headers, parse_url

from star.errors import UserError, cut, reason

AGAIN = (408, 409, 425, 429)
"""Answers below 500 that another try may mend."""
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 10.0
"""For the answer to a GET, which costs a server nothing."""


class Failure(Exception):
    """No answer this time.

    Attributes:
        status: of HTTP; 0 if there is none.
        wait: seconds that the server asks to wait, 0 if it does not say.
    """

    def __init__(self, message: str, status: int, wait: float = 0.0):
        super().__init__(message)
        self.status, self.wait = status, wait

    @property
    def is_gone(self) -> bool:
        """Whether the server seems not to be there at all."""
        return self.status in (0, 502, 503, 504)


class Refusal(Exception):
    """An answer that another try would not mend."""

    def __init__(self, status: int, message: str):
        super().__init__(f"HTTP {status}: {message}")
        self.status, self.message = status, message


class Server:
    """One server, used by many threads.

    Args:
        url: with the `/v1`.
        key: sent as a bearer token, if there is one.
        timeout: seconds for one answer.
        connections: kept open.

    Attributes:
        ready: the model that it is known to serve, `None` before it was asked.
        owner: what it calls itself (`owned_by` of its models): `vllm`, `llamacpp` and so on.
        lock: held while it is asked what it serves.
        failure: how it did not answer the last time that it was asked what it serves.
        in_flight: requests under way.

    Raises:
        UserError: the environment names a proxy that cannot be used.
    """

    def __init__(self, url: str, key: str | None, timeout: float, connections: int):
        self.url = url.rstrip("/")
        self.timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        self.look_timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=min(timeout, LOOK_SECONDS))
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = _connections(self.url, connections)
        self.ready: str | None = None
        self.owner = ""
        self.lock = threading.Lock()
        self.failure: Failure | None = None
        self.in_flight = 0

    def get(self, route: str) -> dict[str, Any]:
        """The object that the server answers with. Raises `Failure` and `Refusal`, as `post` does."""
        return _object(self._ask("GET", route, self.look_timeout))

    def post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """The object that the server answers with.

        Raises:
            Failure: it does not answer, is busy, or fails.
            Refusal: it does not want to.
        """
        return _object(self._ask("POST", route, self.timeout, body))

    def tell(self, route: str, body: dict[str, Any]) -> None:
        """The same where the answer is no object, but a text for people."""
        self._ask("POST", route, self.timeout, body)

    def _ask(
        self, method: str, route: str, timeout: urllib3.Timeout, body: dict[str, Any] | None = None
    ) -> urllib3.BaseHTTPResponse:
        more = {} if body is None else {"json": body}
        try:
            answer = self.http.request(
                method, self.url + route, **more, headers=self.headers, timeout=timeout, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise Failure(reason(error), 0) from None
        if answer.status >= 300:
            message = cut(" ".join(_message(answer.data).split()), 500)
            if answer.status >= 500 or answer.status in AGAIN:
                wait = answer.headers.get("Retry-After", "")
                seconds = float(wait) if wait.isdecimal() else 0.0
                raise Failure(f"HTTP {answer.status}: {message}", answer.status, seconds)
            raise Refusal(answer.status, message)
        return answer


def _object(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        found = json.loads(answer.data)
    except (ValueError, RecursionError) as error:
        raise Failure(f"its answer is no JSON ({reason(error, 80)})", answer.status) from None
    return found if isinstance(found, dict) else {}


def _message(data: bytes) -> str:
    """What an error body says; servers put it in different places."""
    text = data.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _connections(url: str, count: int) -> urllib3.PoolManager:
    """Through the proxy of the environment (`HTTPS_PROXY`), if this host is not excepted (`NO_PROXY`)."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return urllib3.PoolManager(maxsize=count)
    try:
        there = parse_url(proxy if "://" in proxy else f"http://{proxy}")  # a bare host: as curl reads it
    except urllib3.exceptions.LocationParseError:
        there = Url()
    if there.scheme not in ("http", "https") or not there.host:
        raise UserError(
            f"{parts.scheme.upper()}_PROXY of the environment is no URL of a proxy that can be used (http:// or "
            f"https://, a host, a port); mend it, or except {parts.hostname} from it by NO_PROXY"
        )
    headers = make_headers(proxy_basic_auth=unquote(there.auth)) if there.auth else None
    return urllib3.ProxyManager(there._replace(auth=None).url, maxsize=count, proxy_headers=headers)

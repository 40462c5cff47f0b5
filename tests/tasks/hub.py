"""A hub on this machine: the endpoints that huggingface_hub and datasets ask for a data set, and no more."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ROUTE = re.compile(r"/(?:api/)?datasets/([^/]+/[^/]+)(?:/(revision|tree|resolve)/([^/]+)(?:/(.+))?)?")


class Hub(ThreadingHTTPServer):
    """Serves `commits` (commit hash -> file name -> content), named by `refs`, as the data sets `ids`."""

    def __init__(self, ids: set[str], commits: dict[str, dict[str, bytes]], refs: dict[str, str]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ids, self.commits, self.refs = ids, commits, refs
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of https://huggingface.co/docs/hub/api, with the headers that clients go by."""

    server: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(path)
        match = ROUTE.fullmatch(path)
        if not match or match[1] not in self.server.ids:
            return self._reply(404, {"error": "Repository not found"}, error="RepoNotFound")
        id, kind, revision, name = match.groups()
        commit = self.server.refs.get(revision or "main", revision)
        files = self.server.commits.get(commit)
        if files is None:
            return self._reply(404, {"error": f"Invalid rev id: {revision}"}, error="RevisionNotFound")
        if kind in (None, "revision"):
            listed = [{"rfilename": file} for file in files]
            return self._reply(200, {"id": id, "sha": commit, "siblings": listed}, commit)
        if kind == "tree" and name is None:
            return self._reply(200, [self._entry(file, data) for file, data in files.items()], commit)
        if kind == "tree" or name not in files:
            return self._reply(404, {"error": "Entry not found"}, commit, error="EntryNotFound")
        return self._reply(200, files[name], commit)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None: ...

    def _entry(self, name: str, data: bytes) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    def _reply(self, status: int, body: object, commit: str = "", error: str = "") -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        headers = {"X-Repo-Commit": commit, "X-Error-Code": error, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def serve(ids: set[str], commits: dict[str, dict[str, bytes]], refs: dict[str, str]) -> Iterator[Hub]:
    """A hub that runs until the block ends."""
    hub = Hub(ids, commits, refs)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()

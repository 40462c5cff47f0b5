"""A hub on this machine that takes uploads: the endpoints that huggingface_hub asks for when it commits, and no more.

Repositories, the preupload question, LFS without Xet, and commits as ndjson: https://huggingface.co/docs/hub/api.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_WriteWriteWrite"
READER = "hf_ReadReadRead"
OWNER = "owner"
REPO = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|preupload|commit)/main)?")
BATCH = re.compile(r"/(datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch")


@dataclass
class Repo:
    """What a repository holds."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


class Hub(ThreadingHTTPServer):
    """`repos` by kind and name; `asked` is every request, with method."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Private repositories do not exist for who has no token."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "PUT" and path.startswith("/blobs/"):  # the storage: knows no tokens, only what it is sent
            self.server.blobs[path.removeprefix("/blobs/")] = body
            return self._reply(200, {})
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in (TOKEN, READER):
            return self._reply(401, {"error": "Invalid username or password."})
        if path == "/api/validate-yaml":
            return self._reply(200, {"errors": [], "warnings": []})
        if self.command == "POST" and token == READER:
            return self._reply(403, {"error": "You don't have the rights to create a model under this namespace"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if match := BATCH.fullmatch(path):
            return self._batch(json.loads(body))
        if match := REPO.fullmatch(path):
            return self._repo(match[1].removesuffix("s"), match[2], match[3], body)
        return self._reply(404, {"error": "Not found"})

    do_GET = do_POST = do_PUT = handle_request

    def log_message(self, *_: object) -> None: ...

    def _create(self, asked: dict) -> None:
        key = (asked.get("type", "model"), f"{asked['organization']}/{asked['name']}")
        if key in self.server.repos:
            return self._reply(409, {"error": "You already created this repo"})
        self.server.repos[key] = Repo(private=asked["visibility"] == "private")
        return self._reply(200, {"url": f"{self.server.url}/{key[1]}"})

    def _repo(self, kind: str, name: str, what: str | None, body: bytes) -> None:
        repo = self.server.repos.get((kind, name))
        if repo is None:
            return self._reply(404, {"error": "Repository not found"}, "RepoNotFound")
        if what == "preupload":
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".parquet")) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            return self._reply(200, {"files": files})
        if what == "commit":
            return self._commit(repo, name, [json.loads(line) for line in body.splitlines()])
        listed = [{"rfilename": file} for file in repo.files]
        return self._reply(200, {"id": name, "private": repo.private, "sha": "0" * 40, "siblings": listed})

    def _batch(self, asked: dict) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.server.url}/blobs/{one['oid']}", "header": {}}}}
            for one in asked["objects"]
        ]
        self._reply(200, {"transfer": "basic", "objects": objects})

    def _commit(self, repo: Repo, name: str, lines: list[dict]) -> None:
        files = dict(repo.files)
        for line in lines:
            key, value = line["key"], line["value"]
            if key == "header":
                message = value["summary"]
            elif key == "file":
                assert value["encoding"] == "base64"
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                blob = self.server.blobs.get(value["oid"], b"")
                if hashlib.sha256(blob).hexdigest() != value["oid"]:
                    return self._reply(400, {"error": f"{value['path']}: no such object"})
                files[value["path"]] = blob
            elif key == "deletedFile":
                del files[value["path"]]
        repo.files = files
        repo.messages.append(message)
        return self._reply(200, {"commitUrl": f"{self.server.url}/{name}/commit/{'1' * 40}", "commitOid": "1" * 40})

    def _reply(self, status: int, body: object, error: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub that runs until the block ends."""
    hub = Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()

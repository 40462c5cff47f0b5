"""What `star push` sends, and to whom: against a hub on this machine that speaks the real one's HTTP."""

import json
import re
import socket

import pytest
from ruamel.yaml import YAML

from star.cli import main
from star.files import read_json
from tests.command import star
from tests.export.hub import OWNER, READER, TOKEN, Repo, serve

NAME = f"{OWNER}/tiny"


@pytest.fixture
def hub(monkeypatch):
    """A hub that huggingface_hub takes for the real one, and somebody who may write there."""
    from huggingface_hub import constants

    with serve() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_adapter_cards_and_data_arrive_byte_for_byte_in_private_repositories(tiny_run, tmp_path):
    with serve() as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        done = star("push", tiny_run, "--repo", NAME, "--iteration", 1, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        model, data = (hub.repos.pop((kind, NAME)) for kind in ("model", "dataset"))
        assert not hub.repos
    assert model.private
    assert data.private
    assert model.messages == data.messages == ["Iteration 1 of tiny"]
    adapter = files(tiny_run / "iterations/001/adapter")
    assert sorted(model.files) == ["README.md", "adapter_config.json", "adapter_model.safetensors"]
    assert model.files["adapter_model.safetensors"] == adapter["adapter_model.safetensors"]
    config = json.loads(model.files["adapter_config.json"])
    base = read_json(tiny_run / "run.json")["base_model"]
    assert config == json.loads(adapter["adapter_config.json"]) | {"base_model_name_or_path": base.rpartition("/")[2]}
    card = (tiny_run / "iterations/001/model-card.md").read_bytes()
    assert model.files["README.md"] == card.replace(b'"this-folder"', f'"{NAME}"'.encode())
    assert main(["export", str(tiny_run), "--iteration", "1", "--dataset", str(tmp_path / "data")]) == 0
    exported = files(tmp_path / "data")
    exported["README.md"] = exported["README.md"].replace(b'"this-folder"', f'"{NAME}"'.encode())
    assert data.files == exported
    said = done.stdout
    assert said.index("to be uploaded (private)") < said.index(f"uploaded: {hub.url}/{NAME}")
    assert f"uploaded: {hub.url}/datasets/{NAME}" in said
    assert f"adapter_model.safetensors  {len(model.files['adapter_model.safetensors']):,} bytes" in said
    assert TOKEN not in said + done.stderr


def test_pushing_again_replaces_the_data_and_leaves_what_is_not_ours(tiny_run, hub):
    arguments = ["push", str(tiny_run), "--repo", NAME, "--dataset-repo", f"{OWNER}/data"]
    assert main(arguments) == 0
    data = hub.repos["dataset", f"{OWNER}/data"]
    data.files["LICENSE"] = b"by hand"
    assert main([*arguments, "--format", "trl"]) == 0
    assert sorted(data.files) == ["LICENSE", "README.md", "data/train.jsonl"]
    assert set(hub.repos) == {("model", NAME), ("dataset", f"{OWNER}/data")}


@pytest.mark.parametrize("form", ["axolotl", "axolotl-chat"])
def test_the_card_of_axolotls_data_says_where_they_are_on_the_hub(tiny_run, hub, form):
    assert main(["push", str(tiny_run), "--repo", NAME, "--format", form]) == 0
    card = hub.repos["dataset", NAME].files["README.md"].decode()
    settings = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1])
    [found] = settings["datasets"]
    assert (found["path"], found["data_files"]) == (NAME, "data/train.jsonl")
    assert found["data_files"] in hub.repos["dataset", NAME].files
    assert "ds_type" not in found
    assert "this-folder" not in card


def test_public_only_when_asked_and_never_into_a_repository_that_others_see(tiny_run, hub, capsys):
    assert main(["push", str(tiny_run), "--repo", NAME, "--public", "--no-dataset"]) == 0
    assert not hub.repos["model", NAME].private
    assert ("dataset", NAME) not in hub.repos
    before = dict(hub.repos["model", NAME].files)
    assert main(["push", str(tiny_run), "--repo", NAME, "--iteration", "1"]) == 2
    error = capsys.readouterr().err
    assert f"{hub.url}/{NAME} is there already and is public: give --public, take another name" in error
    assert hub.repos["model", NAME].files == before
    assert ("dataset", NAME) not in hub.repos  # nothing is made before all is known to be well
    hub.repos["model", f"{OWNER}/mine"] = Repo(private=True)
    assert main(["push", str(tiny_run), "--repo", f"{OWNER}/mine", "--public"]) == 2
    assert "is there already and is private: leave out --public" in capsys.readouterr().err
    assert not hub.repos["model", f"{OWNER}/mine"].files


def test_a_dry_run_lists_files_and_contacts_nobody(tiny_run, hub, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    assert main(["push", str(tiny_run), "--repo", NAME, "--dry-run"]) == 0
    said = capsys.readouterr().out
    for name in ("adapter_model.safetensors", "data/train-00000-of-00001.parquet", "README.md"):
        assert f"  {name}  " in said
    assert "nothing was uploaded (--dry-run)" in said
    assert hub.asked == []


def test_what_the_hub_refuses_is_said_with_what_to_do(tiny_run, hub, monkeypatch, capsys, tmp_path):
    from huggingface_hub import constants

    def error(*more):
        assert main(["push", str(tiny_run), "--repo", NAME, "--no-dataset", *more]) == 2
        return capsys.readouterr().err

    monkeypatch.setenv("HF_TOKEN", "hf_OfNobodyAtAll")
    assert "the hub does not accept the token: hf auth login" in error()
    monkeypatch.setenv("HF_TOKEN", READER)
    said = error()
    assert f"the token may not write there: take one that may write for {OWNER}" in said
    assert READER not in said
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "nobody is logged in to the hub: hf auth login, or set HF_TOKEN" in error()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in error()
    assert not hub.repos


def test_a_hub_that_does_not_answer_is_an_error_not_a_traceback(tiny_run, hub, monkeypatch, capsys):
    from huggingface_hub import constants

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    assert main(["push", str(tiny_run), "--repo", NAME, "--no-dataset"]) == 2
    error = capsys.readouterr().err
    assert "not uploaded: ConnectError" in error
    assert "the same command begins again" in error


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "owner/na me", "owner/--x", ""])
def test_a_name_that_the_hub_would_not_take_is_refused_first(name, tiny_run, capsys):
    assert main(["push", str(tiny_run), "--repo", name, "--dry-run"]) == 2
    assert f"--repo {name!r}: should be OWNER/NAME" in capsys.readouterr().err

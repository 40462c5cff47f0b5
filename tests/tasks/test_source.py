"""Rows of files, folders and hub data sets; the hub is a small one of our own that speaks the real protocol."""

import io
import json
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from star.errors import UserError
from star.files import file_sha256
from star.tasks.source import Source

OLD, NEW = "a" * 40, "b" * 40
ID, PLAIN = "someone/some-sums", "someone/plain-sums"
CARD = b"---\nconfigs:\n- config_name: main\n  data_files:\n%s---\n# Sums\n"
CHILD = """\
import json, sys
import datasets
from star.errors import UserError
from star.tasks.source import Source
answers = []
for request in json.loads(sys.argv[1]):
    splits, plain = request.pop("splits"), request.pop("plain", False)
    if plain:
        datasets.load_dataset(request["path"], "main")
        continue
    source = Source(**request, subset="main", hub_splits={"dev": "validation"}, key="task.train")
    try:
        answers.append({"rows": {split: list(source.rows(split)) for split in splits}, "used": source.used})
    except UserError as error:
        answers.append({"error": str(error)})
print(json.dumps(answers))
"""


def lines(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def parquet(*rows):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), buffer := io.BytesIO())
    return buffer.getvalue()


def sums(word, count):
    """So many rows, in an order that no sorting gives."""
    return [{"question": f"{word} {i * 7 % count}?", "answer": i} for i in range(count)]


def files(word, write, suffix):
    splits = {"train": sums(word, 30), "validation": sums(f"{word} dev", 4)}
    listed = "".join(f"  - split: {split}\n    path: {split}.{suffix}\n" for split in splits).encode()
    return {"README.md": CARD % listed, **{f"{split}.{suffix}": write(*rows) for split, rows in splits.items()}}


@pytest.fixture(scope="module")
def hub():
    spec = spec_from_file_location("hub", Path(__file__).parent / "hub.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    commits = {OLD: files("old", lines, "jsonl"), NEW: files("new", parquet, "parquet")}
    with module.serve({ID, PLAIN}, commits, {"main": NEW, "v1": OLD}) as hub:
        yield hub


@pytest.fixture(scope="module")
def ask(hub, tmp_path_factory):
    """The answers of a new process to some requests; all processes share one cache."""
    home = str(tmp_path_factory.mktemp("hub-cache"))

    def ask(*requests, offline=False):
        settings = {"HF_HOME": home, "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": str(int(offline)), "NO_PROXY": "*"}
        command = [sys.executable, "-c", CHILD, json.dumps([{"path": ID, "splits": ["dev"], **r} for r in requests])]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **settings}, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture(scope="module")
def online(ask):
    """Answers for the main branch, a tag, a commit, and for what is not there; `datasets` itself loads `PLAIN`."""
    good = [{"splits": ["train", "dev"]}, {"revision": "v1", "splits": ["train"]}, {"revision": OLD}]
    bad = [{"path": "no/such"}, {"revision": "v9"}, {"path": "not/an/id"}]
    answers = ask({"path": PLAIN, "plain": True}, *good, *bad)
    return dict(zip(["main", "v1", "commit", "no/such", "v9", "not/an/id"], answers, strict=True))


@pytest.fixture(scope="module")
def offline(ask, online, hub):
    """The same later, without the hub. `datasets` would take the old commit always, which it loaded last."""
    before = len(hub.asked)
    requests = [{"revision": "v1", "splits": ["train"]}, {}, {"path": PLAIN}, {"revision": NEW}, {"revision": "v9"}]
    answers = ask(*requests, {"path": "no/such"}, offline=True)
    assert len(hub.asked) == before
    return dict(zip(["v1", "main", "plain", "commit", "v9", "no/such"], answers, strict=True))


def test_a_hub_data_set_is_read_in_order_and_its_commit_recorded(online):
    rows = online["main"]["rows"]
    assert rows["train"] == [[f"{ID}/main/train:{i}", row] for i, row in enumerate(sums("new", 30), 1)]
    assert rows["dev"] == [[f"{ID}/main/validation:{i}", row] for i, row in enumerate(sums("new dev", 4), 1)]
    assert online["main"]["used"] == {f"hub:{ID}": NEW}


def test_the_revision_asked_for_is_read_and_recorded_as_the_commit_that_it_names(online):
    assert [row for _, row in online["v1"]["rows"]["train"]] == sums("old", 30)
    assert [row for _, row in online["commit"]["rows"]["dev"]] == sums("old dev", 4)
    assert online["v1"]["used"] == online["commit"]["used"] == {f"hub:{ID}": OLD}


def test_offline_the_cache_gives_the_same_rows_of_the_same_commit(online, offline):
    assert offline["v1"] == online["v1"]


def test_offline_what_datasets_itself_has_downloaded_is_found(offline):
    assert [row for _, row in offline["plain"]["rows"]["dev"]] == sums("new dev", 4)
    assert offline["plain"]["used"] == {f"hub:{PLAIN}": NEW}


def test_offline_no_other_commit_is_taken_in_place_of_the_one_asked_for(offline):
    for name in ("main", "commit"):
        assert f"(LookupError: commit {NEW} is asked for, and the cache offers {OLD})" in offline[name]["error"]
    assert "LocalEntryNotFoundError" in offline["v9"]["error"]


@pytest.mark.parametrize(
    ("when", "what", "reason"),
    [
        ("online", "no/such", "Repository Not Found"),
        ("online", "v9", "Invalid rev id: v9"),
        ("online", "not/an/id", "HFValidationError"),
        ("offline", "no/such", "LocalEntryNotFoundError"),
    ],
)
def test_a_data_set_that_is_not_to_be_had_is_an_error_that_says_why_and_what_to_give(request, when, what, reason):
    message = request.getfixturevalue(when)[what]["error"]
    path = what if "/" in what else ID
    assert message.startswith(f"data set {path!r}: neither a local file or folder nor a data set that the hub serves")
    assert reason in message
    assert message.endswith("; give a folder with dev.jsonl, as task.train=FOLDER")


# Files and folders


def test_of_a_folder_the_file_of_the_split_is_read_and_its_hash_recorded(tmp_path):
    for split in ("train", "dev"):
        (tmp_path / f"{split}.jsonl").write_bytes(lines({"split": split}))
    source = Source(str(tmp_path), hub_splits={"dev": "validation"})
    assert list(source.rows("dev")) == [(f"{tmp_path}/dev.jsonl:1", {"split": "dev"})]
    assert source.used == {f"{tmp_path}/dev.jsonl": file_sha256(tmp_path / "dev.jsonl")}


def test_of_a_file_all_rows_are_read_whatever_the_split(tmp_path):
    (tmp_path / "some.data").write_bytes(lines({"n": 1}, {"n": 2}))
    source = Source(str(tmp_path / "some.data"))
    assert list(source.rows("train")) == list(source.rows("test"))
    assert list(source.used) == [str(tmp_path / "some.data")]


@pytest.mark.parametrize("name", ["nowhere.jsonl", "nowhere.json", "nowhere", "folder/test.jsonl"])
def test_a_missing_file_is_an_error_that_names_it(tmp_path, name):
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    with pytest.raises(UserError) as caught:
        list(Source(str(path.parent if path.parent != tmp_path else path)).rows("test"))
    assert str(caught.value) == (
        f"{path}: there is no such data file; give a JSONL file, or a folder with test.jsonl, as task.path=PATH"
    )


def test_a_folder_in_place_of_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "test.jsonl").mkdir()
    with pytest.raises(UserError) as caught:
        list(Source(str(tmp_path)).rows("test"))
    assert str(caught.value).startswith(f"{tmp_path}/test.jsonl: this is a folder, not a JSONL file; give ")


def test_half_of_a_surrogate_pair_is_an_error_that_names_the_line(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"question": "fine \\u00e9"}\n{"question": "\\ud800"}\n')
    with pytest.raises(UserError, match=r"train.jsonl:2: half of a surrogate pair"):
        list(Source(str(tmp_path)).rows("train"))


def test_a_line_is_not_read_into_memory_to_find_that_it_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.setattr("star.tasks.source.LONGEST_LINE", 1 << 20)
    line = json.dumps({"question": "x" * ((1 << 20) - 17)})
    (tmp_path / "train.jsonl").write_text(f"{line}\n")
    assert len(list(Source(str(tmp_path)).rows("train"))) == 1
    (tmp_path / "train.jsonl").write_text(f'{{"question": "fine"}}\n{line[:-2]}xx"}}\n')
    with pytest.raises(
        UserError, match=r'train.jsonl:2: the line is longer than 1 MiB and begins with b\'{"question": "x'
    ):
        list(Source(str(tmp_path)).rows("train"))

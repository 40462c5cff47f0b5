"""An iteration's directory: stages that are complete or not there, and nothing in it that is not what was written."""

import json
import os

import pytest

from star.energy import meter
from star.errors import UserError
from star.files import file_sha256, write_json
from star.store import Iteration, Journal


def filled(root, facts=None):
    iteration = Iteration(root, 1, facts)
    iteration.rows("a", lambda journal: journal.append([{"x": 1}]), dict)
    iteration.json("b", lambda: {"y": 2})
    iteration.directory("c", lambda folder: (folder / "file").write_text("z"))
    return iteration


def never(*_):
    raise AssertionError("ran again")


def test_a_stage_that_is_complete_is_read_not_run(tmp_path):
    filled(tmp_path)
    again = Iteration(tmp_path, 1)
    assert list(again.rows("a", never, dict)) == [{"x": 1}]
    assert again.json("b", never) == {"y": 2}
    assert (again.directory("c", never) / "file").read_text() == "z"


def test_a_stage_that_failed_leaves_no_artefact_and_starts_anew(tmp_path):
    iteration = Iteration(tmp_path, 1)

    def half(folder):
        (folder / "half").write_text("x")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        iteration.directory("adapter", half)
    assert not (iteration.folder / "adapter").exists()
    again = Iteration(tmp_path, 1)
    path = again.directory("adapter", lambda folder: (folder / "whole").write_text("y"))
    assert [p.name for p in path.iterdir()] == ["whole"]


def test_the_seconds_of_an_interrupted_stage_are_kept_and_added_to(tmp_path):
    iteration = Iteration(tmp_path, 1)
    write_json(iteration.folder / "timings.json", {"seconds": {"a": 5.0}, "spent": {"sampling": 4.0}})

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Iteration(tmp_path, 1).json("a", interrupted)
    kept = json.loads((iteration.folder / "timings.json").read_text())
    assert kept["seconds"].keys() == {"a"}
    assert kept["seconds"]["a"] >= 5
    assert kept["spent"]["sampling"] == 4
    assert kept["spent"]["other"] >= 0


def test_joules_are_kept_and_added_to_where_the_machine_tells_them_and_absent_elsewhere(tmp_path, monkeypatch):
    told = iter([2.5, 4.0, None])
    monkeypatch.setattr(meter, "take", lambda: next(told))
    for name, joules in (("a", 2.5), ("b", 6.5), ("c", 6.5)):  # of three processes, the last of which may not read them
        (iteration := Iteration(tmp_path, 1)).json(name, dict)
        assert json.loads((iteration.folder / "timings.json").read_text())["joules"] == joules
    monkeypatch.undo()
    assert "joules" not in Iteration(tmp_path, 2).times()


def test_what_is_unfinished_of_a_stage_that_is_done_no_more_is_gone_at_the_end(tmp_path):
    iteration = filled(tmp_path)
    Journal(iteration.folder / "d.jsonl.journal").append([{"x": 1}])
    iteration.checkpoints("e").folder.mkdir()
    (iteration.folder / "d.jsonl.journal.seals").touch()
    iteration.finish()
    assert {path.name for path in iteration.final.iterdir()} == {
        "a.jsonl", "b.json", "c", "timings.json", "MANIFEST.json",
    }  # fmt: skip


def test_a_finished_iteration_has_its_final_name_and_a_manifest_of_every_file_and_fact(tmp_path):
    filled(tmp_path, {"dtype": "float32"}).finish()
    assert [path.name for path in tmp_path.iterdir()] == ["001"]
    manifest = json.loads((tmp_path / "001/MANIFEST.json").read_text())
    assert manifest["iteration"] == 1
    assert manifest["run"] == {"dtype": "float32"}
    assert set(manifest["files"]) == {"a.jsonl", "b.json", "c/file", "timings.json"}
    for name, entry in manifest["files"].items():
        path = tmp_path / "001" / name
        assert entry == {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


@pytest.mark.parametrize("name", ["a.jsonl", "b.json", "c/file"])
def test_an_artefact_that_changed_before_the_run_went_on_is_named_with_both_hashes(tmp_path, name):
    path = filled(tmp_path).folder / name
    old = file_sha256(path)
    path.write_bytes(path.read_bytes().replace(b"1", b"3").replace(b"2", b"3").replace(b"z", b"y"))
    with pytest.raises(UserError, match=rf"{name}: its SHA-256 is {file_sha256(path)}, not {old}"):
        Iteration(tmp_path, 1)


def test_an_artefact_that_was_deleted_is_made_again(tmp_path):
    (filled(tmp_path).folder / "b.json").unlink()
    assert Iteration(tmp_path, 1).json("b", lambda: {"y": 3}) == {"y": 3}


def test_a_file_of_an_artefact_that_is_missing_is_named(tmp_path):
    (filled(tmp_path).folder / "c/file").unlink()
    with pytest.raises(UserError, match=r"c/file: missing \(1 bytes, SHA-256 \w{64}\)\ndelete \S*001\.partial/c, and"):
        Iteration(tmp_path, 1)


def test_an_artefact_that_no_process_of_the_run_wrote_is_refused(tmp_path):
    (filled(tmp_path).folder / "d.jsonl").write_text("")
    with pytest.raises(UserError, match=r"d\.jsonl: not in MANIFEST\.json, so it may be anything"):
        Iteration(tmp_path, 1)


def test_a_damaged_manifest_is_an_error(tmp_path):
    (filled(tmp_path).folder / "MANIFEST.json").write_text('{"files": {"a.jsonl": 3}}')
    with pytest.raises(UserError, match=r"MANIFEST\.json: damaged"):
        Iteration(tmp_path, 1)


def test_checkpoints_of_a_stage_last_until_it_is_complete(tmp_path):
    iteration = Iteration(tmp_path, 1)
    checkpoints = iteration.checkpoints("adapter")
    assert checkpoints.last() is None
    for number in (50, 100):
        checkpoints.save(number, lambda folder, number=number: (folder / "state").write_text(str(number)))
    (checkpoints.folder / "000150.tmp").mkdir()
    again = Iteration(tmp_path, 1)
    assert (again.checkpoints("adapter").last() / "state").read_text() == "100"
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["000100", "000150.tmp"]
    again.directory("adapter", lambda folder: (folder / "weights").write_text("w"))
    again.json("metrics", dict)
    again.finish()
    assert not list(tmp_path.rglob("*.checkpoints"))


def test_a_damaged_checkpoint_is_named_and_says_how_to_do_without(tmp_path):
    checkpoints = Iteration(tmp_path, 1).checkpoints("adapter")
    checkpoints.save(50, lambda folder: (folder / "state").write_text("50"))
    (checkpoints.folder / "000050/state").write_text("51")
    with pytest.raises(
        UserError, match=r"000050/state: its SHA-256 is [^,]*, not [^,]*\ndelete \S*000050 to do without"
    ):
        checkpoints.last()


@pytest.mark.parametrize("text", ["", "[]", '{"seconds": 3}', '{"spent": {"other": "x"}}', '{"joules": []}'])
def test_damaged_timings_may_be_deleted(tmp_path, text):
    path = filled(tmp_path).folder / "timings.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"timings\.json: damaged: .*; delete it"):
        Iteration(tmp_path, 1)
    path.unlink()
    Iteration(tmp_path, 1).finish()
    assert (tmp_path / "001/timings.json").exists()


def test_names_are_on_disk_before_what_stands_on_them(tmp_path, monkeypatch):
    """A power cut may take a name away whose folder was not synced, whatever was synced in the file."""
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.readlink(f"/proc/self/fd/{file}")), fsync(file)))
    iteration = Iteration(tmp_path / "iterations", 1)
    assert synced == [str(tmp_path), str(tmp_path / "iterations")]
    synced.clear()
    journal = Journal(iteration.folder / "a.jsonl.journal")
    assert sorted(path.name for path in iteration.folder.iterdir()) == ["a.jsonl.journal", "a.jsonl.journal.seals"]
    assert synced == [str(iteration.folder)]  # both names
    journal.append([{"n": 1}])
    synced.clear()
    journal.clear()
    assert synced == [f"{journal.path}.seals"]  # else an old seal could be there after a power cut, without its rows
    synced.clear()
    iteration.checkpoints("adapter").save(1, lambda folder: (folder / "state").touch())
    assert synced[0] == str(iteration.folder)

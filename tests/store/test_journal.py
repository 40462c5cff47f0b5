"""Journals: waves that are whole or not there, and damage that has a name."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from star.errors import UserError
from star.store.journal import Journal, check_journal, seals_of

ROW = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3)
WAVES = st.lists(st.lists(ROW, max_size=4), max_size=4)


def written(folder: Path, waves=([{"n": 1}, {"n": 2, "text": "ü\u2028x"}], [{"n": 3}])) -> Path:
    journal = Journal(folder / "a.jsonl.journal")
    for wave in waves:
        journal.append(wave)
    return journal.path


def test_what_was_appended_is_there_when_it_is_opened_again(tmp_path):
    again = Journal(written(tmp_path))
    assert again.count == 3
    assert [row["n"] for row in again.rows()] == [1, 2, 3]


def test_a_torn_wave_is_cut_and_what_comes_next_stands_in_its_place(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    for torn in (b'{"n": 4', b'{"n": 4}\n', b'{"n": 4}\n{"n"'):  # whole lines without a seal are no wave either
        path.write_bytes(whole + torn)
        journal = Journal(path)
        assert journal.count == 3
        assert path.read_bytes() == whole
    journal.append([{"n": 5}])
    assert [row["n"] for row in Journal(path).rows()] == [1, 2, 3, 5]


def test_a_wave_whose_seal_is_torn_is_done_again(tmp_path):
    path = written(tmp_path)
    seals = seals_of(path)
    seals.write_bytes(seals.read_bytes()[:-3])
    journal = Journal(path)
    assert journal.count == 2
    journal.append([{"n": 3}])
    assert [row["n"] for row in Journal(path).rows()] == [1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(WAVES, st.data())
def test_however_it_is_cut_short_a_prefix_of_whole_waves_is_left(tmp_path_factory, waves, data):
    """As a crash leaves it: the rows of a wave may be on disk in part, and its seal only after them."""
    path = written(tmp_path_factory.mktemp("j"), waves)
    seals = [json.loads(line) for line in seals_of(path).read_bytes().splitlines()] if waves else []
    kept = data.draw(st.integers(0, len(waves)))
    end = seals[kept - 1]["bytes"] if kept else 0
    most = seals[kept]["bytes"] if kept < len(waves) else end
    rows, lines = path.read_bytes(), seals_of(path).read_bytes().splitlines(keepends=True) if waves else []
    path.write_bytes(rows[: data.draw(st.integers(end, most))])
    torn = lines[kept][: data.draw(st.integers(0, len(lines[kept]) - 1))] if kept < len(waves) else b""
    seals_of(path).write_bytes(b"".join(lines[:kept]) + torn)
    journal = Journal(path)
    assert list(journal.rows()) == [row for wave in waves[:kept] for row in wave]
    for wave in waves[kept:]:
        journal.append(wave)
    assert path.read_bytes() == rows
    assert seals_of(path).read_bytes() == b"".join(lines)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_flipped_bit_of_a_sealed_wave_is_found(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("j"))
    damaged = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=rf"{re.escape(str(path))}.*(damaged|truncated).*delete a\.jsonl\.journal"):
        Journal(path)
    assert path.read_bytes() == bytes(damaged)  # nothing was cut


def test_damage_names_file_lines_and_both_hashes(tmp_path):
    path = written(tmp_path)
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"n":3', b'"n":4'))
    old, new = (hashlib.sha256(b'{"n":%d}\n' % n).hexdigest() for n in (3, 4))
    with pytest.raises(UserError, match=rf"damaged in lines 3-3: their SHA-256 is {new}, not {old}"):
        check_journal(path)
    path.write_bytes(good.replace(b'{"n":2', b'{"n" 2'))
    with pytest.raises(UserError, match=r"a\.jsonl\.journal:2: damaged line"):
        check_journal(path)
    path.write_bytes(good[:-1])
    with pytest.raises(UserError, match=rf"truncated: lines 3-3 .*\({len(good) - 1} bytes, not {len(good)}\)"):
        check_journal(path)


@pytest.mark.parametrize("line", [b"nonsense", b"[]", b'{"rows": 1}', b'{"rows": 9, "bytes": 1, "sha256": "x"}', b"7"])
def test_a_damaged_seal_in_the_middle_names_file_and_line(tmp_path, line):
    path = written(tmp_path)
    lines = seals_of(path).read_bytes().splitlines(keepends=True)
    seals_of(path).write_bytes(line + b"\n" + lines[1])
    with pytest.raises(UserError, match=r"seals:[12]: damaged line|damaged in lines|truncated"):
        Journal(path)


def test_a_seal_that_counts_other_rows_is_damaged(tmp_path):
    path = written(tmp_path)
    seals_of(path).write_bytes(seals_of(path).read_bytes().replace(b'"rows":3', b'"rows":7'))
    with pytest.raises(UserError, match=r"seals: damaged: it has 5 rows where a\.jsonl\.journal has 1"):
        Journal(path)


def test_a_cleared_journal_starts_anew(tmp_path):
    journal = Journal(written(tmp_path))
    journal.clear()
    journal.append([{"n": 7}])
    assert (journal.count, list(Journal(journal.path).rows())) == (1, [{"n": 7}])


def test_an_empty_wave_is_a_wave(tmp_path):
    assert Journal(written(tmp_path, [[]])).count == 0

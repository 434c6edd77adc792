# SPDX-License-Identifier: BSD-3-Clause
"""What processes note, and what is read of it."""

from benchmarks.notes import Notes


def test_the_first_time_counts_and_the_others_are_told(tmp_path):
    notes = Notes(tmp_path / "notes")
    for what in (1, "done x", 1):
        notes.add(what)
    first = notes.first()
    assert list(first) == ["1", "done x"]
    assert first["1"] <= first["done x"]
    assert notes.again() == ["1"]
    notes.close()


def test_two_write_into_one_file(tmp_path):
    one, other = Notes(tmp_path / "notes"), Notes(tmp_path / "notes")
    one.add("a")
    assert set(other.first()) == {"a"}
    other.add("b")
    assert set(other.first()) == {"a", "b"}
    one.close()
    other.close()


def test_half_a_line_is_left_for_later(tmp_path):
    notes = Notes(tmp_path / "notes")
    with (tmp_path / "notes").open("ab") as file:
        file.write(b"12 al")
        file.flush()
        assert notes.first() == {}
        file.write(b"most\n")
    assert notes.first() == {"almost": 12}
    notes.close()

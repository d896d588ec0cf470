"""Lists of zones: names by line, and what a named.conf answers for."""

from __future__ import annotations

import pytest

from directdnsonly.cli.zonelists import NoList, read_list

NAMED_CONF = """
options { directory "/x"; };
include "more.conf";
zone "." { type hint; file "root"; };
zone "one.example" { type primary; file "one"; }; // its file is not looked for
zone "Two.Example." { type slave; masters { 192.0.2.1; }; };
view "v" { zone "three.example" { type secondary; primaries { 192.0.2.1; }; }; };
zone "forwarded.example" { type forward; };
"""


def test_names_by_line(tmp_path):
    """Each once, in the order of the file, without comments."""
    file = tmp_path / "list"
    file.write_text("# ours\nb.example.\n\nA.example ; old\nb.example\nm\u00fcnchen.example\n")

    assert ["b.example", "a.example", "xn--mnchen-3ya.example"] == read_list(file)


def test_the_zones_of_a_named_conf(tmp_path):
    """Primary and secondary ones, also included ones and those in views; zones that named does not answer for are none."""
    (tmp_path / "named.conf").write_text(NAMED_CONF)
    (tmp_path / "more.conf").write_text('zone "four.example" { type master; file "x"; };')

    assert ["four.example", "one.example", "two.example", "three.example"] == read_list(tmp_path / "named.conf")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("good.example\nbad name.example\n", "line 2: "),
        ("", "names no zone"),
        ('zone "a.example" { type forward; };', "names no zone"),
        ('zone "a.example" { type primary;\nzone "b.example" { type primary; };', "line 1: "),
        ('include "gone.conf"; options { };', "cannot be read"),
    ],
)
def test_a_list_with_a_hole_is_no_list(tmp_path, text, told):
    """Nobody would see which zones lack."""
    (tmp_path / "list").write_text(text)

    with pytest.raises(NoList, match=told):
        read_list(tmp_path / "list")

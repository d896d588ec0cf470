"""Where zones are imported from: what is found, and what is not taken for a zone."""

from __future__ import annotations

from pathlib import Path

import pytest

from directdnsonly.cli.sources import NothingToImport, zones_in


def test_a_named_conf_is_read_as_named_reads_it(tmp_path: Path) -> None:
    """Comments of three kinds, quoted braces, classes, views, includes; only primaries with a file."""
    (tmp_path / "named.conf").write_text(
        'options { directory "/srv/zones"; listen-on { any; }; };\n'
        "/* zone a { type master; file x; }; */\n"
        '# zone "b" { type master; file "x"; };\n'
        '// zone "c" { type master; file "x"; };\n'
        'acl "with { brace" { any; };\n'
        'zone "one.example" IN { type master; file "one # not a comment"; allow-transfer { key "file"; }; };\n'
        "zone two.example { file /absolute/two; type primary; };\n"
        'zone "hint" { type hint; file "root"; };\n'
        'zone "secondary.example" { type secondary; file "s"; };\n'
        'zone "nofile.example" { type primary; };\n'
        'view "v" { match-clients { any; }; zone "three.example" { type master; file "three"; }; };\n'
        'include "more.conf";\n'
    )
    (tmp_path / "more.conf").write_text('zone "four.example" { type master; file "four"; };\n')

    found = {each.zone: str(each.file) for each in zones_in(tmp_path / "named.conf")}

    assert {
        "four.example": "/srv/zones/four",
        "one.example": "/srv/zones/one # not a comment",
        "three.example": "/srv/zones/three",
        "two.example": "/absolute/two",
    } == found


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "named.conf").write_text('include "named.conf";\n')

    with pytest.raises(NothingToImport, match="nested deeper"):
        zones_in(tmp_path / "named.conf")


def test_a_folder_gives_each_zone_once(tmp_path: Path) -> None:
    """The name is that of the file, without its ending."""
    for name in ("b.example.db", "a.example.zone", "README.md", "c.example.txt", "B.example.zone"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.db").mkdir()

    assert ["a.example", "b.example", "c.example"] == [each.zone.lower() for each in zones_in(tmp_path)]

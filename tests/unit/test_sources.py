"""Where zones are imported from: what is found, and what is not taken for a zone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from directdnsonly.cli.sources import NothingToImport, zones_in
from directdnsonly.cli.zonefiles import NoZone, zone_in

SOA = "@ 60 IN SOA ns.host.example. h.host.example. 1 60 60 60 60\n@ 60 IN NS ns.host.example.\n"


def test_a_named_conf_is_read_as_named_reads_it(tmp_path: Path) -> None:
    """Comments of three kinds, quoted braces, classes, views, includes; only primaries with a file."""
    (tmp_path / "named.conf").write_text(
        f'options {{ directory "{tmp_path}"; listen-on {{ any; }}; }};\n'
        "/* zone a { type master; file x; }; */\n"
        '# zone "b" { type master; file "x"; };\n'
        '// zone "c" { type master; file "x"; };\n'
        'acl "with { brace" { any; };\n'
        'zone "one.example" IN { type master; file "one # not a comment"; allow-transfer { key "file"; }; };\n'
        f"zone two.example {{ file {tmp_path}/two; type primary; }};\n"
        'zone "away.example" { type primary; file "away"; };\n'
        'zone "hint" { type hint; file "root"; };\n'
        'zone "secondary.example" { type secondary; file "s"; };\n'
        'zone "nofile.example" { type primary; };\n'
        'view "v" { match-clients { any; }; zone "three.example" { type master; file "three"; }; };\n'
        'include "more.conf";\n'
    )
    (tmp_path / "more.conf").write_text('zone "four.example" { type master; file "four"; };\n')

    for name in ("one # not a comment", "two", "three", "four"):
        (tmp_path / name).write_text(SOA)

    source = zones_in(tmp_path / "named.conf")

    assert {
        "four.example": f"{tmp_path}/four",
        "one.example": f"{tmp_path}/one # not a comment",
        "three.example": f"{tmp_path}/three",
        "two.example": f"{tmp_path}/two",
    } == {each.zone: str(each.file) for each in source.zones}
    assert {
        "zone hint": "its type is hint, not primary",
        "zone secondary.example": "its type is secondary, not primary",
        "zone nofile.example": "it has no file",
        f"{tmp_path}/away": "it does not exist",
    } == {each.place: each.reason for each in source.left}


ONE = 'zone "one.example" { type primary; file "one"; };\n'
TWO = 'zone "two.example" { type primary; file "two"; };\n'


@pytest.mark.parametrize(
    ("text", "zones", "line", "words"),
    [
        (ONE + TWO.replace(" };", ""), ["one"], 2, 'zone "two.example" is not closed before the file or view ends: a brace'),
        (ONE.replace(" };", "") + TWO, ["two"], 1, 'zone "one.example" is not closed before the next one begins in line 2'),
        (ONE.replace("; };", " };") + TWO, ["one", "two"], 0, ""),
        (ONE.replace("};", "}") + TWO.replace("};", "}"), ["one", "two"], 0, ""),  # named would not load it; nothing is lost
        (ONE + "};\n" + TWO, ["one"], 2, "a brace is closed here that was never opened"),
        (ONE + 'zone "two.example {\n type primary; file "two"; };\n', ["one"], 2, "a quotation mark is opened here"),
        (ONE + "\n/* old:\n" + TWO, ["one"], 3, "a comment begins here and is never closed"),
        ("/* of\n two lines */\n" + ONE + 'options {\n directory "/";\n', ["one"], 4, "options is not closed"),
        ('view "v" {\n' + ONE + TWO.replace(" };", "") + "};\n", ["one", "two"], 1, 'view "v" is not closed'),
        ('view "v" {\n' + ONE.replace(" };", "") + TWO + "};\n", ["two"], 2, 'zone "one.example" is not closed'),
        (ONE + 'include "none.conf"', ["one"], 2, 'include "none.conf" is not closed'),
    ],
)  # fmt: skip
def test_what_is_not_closed_in_a_named_conf_is_told_with_its_line(
    text: str, zones: list[str], line: int, words: str, tmp_path: Path
) -> None:
    """It swallowed the zones behind it, and nobody was told; those that can be read are taken."""
    conf = tmp_path / "named.conf"
    conf.write_text(text)
    for name in ("one", "two"):
        (tmp_path / name).write_text(SOA)

    source = zones_in(conf)

    assert zones == [found.zone.removesuffix(".example") for found in source.zones]
    told = [(left.reason, left.wrong) for left in source.left if left.place == f"{conf}, line {line}"]
    assert [True] * len(told) == [wrong for _, wrong in told]
    assert any(words in reason for reason, _ in told) if words else not source.left


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "named.conf").write_text('include "named.conf";\n')

    with pytest.raises(NothingToImport, match="nested deeper"):
        zones_in(tmp_path / "named.conf")


def test_a_folder_gives_every_zone_by_its_soa_and_names_what_it_does_not_take(tmp_path: Path) -> None:
    """Whatever the files are called; of two files of one zone neither is taken."""
    for name in ("a.example.db", "b.example.zone", "db.c.example", "d.example", "e.example.hosts", "twice.example.db"):
        (tmp_path / name).write_text(SOA)
    (tmp_path / "other-name.txt").write_text("$ORIGIN F.example.\n" + SOA)
    (tmp_path / "0%2F26.2.0.192.in-addr.arpa.db").write_text(SOA)
    (tmp_path / "old").write_text("twice.example. 60 IN SOA a. b. 1 60 60 60 60\n")
    (tmp_path / "README.txt").write_text("how to use the SOA of this folder\n")
    (tmp_path / "empty.db").write_text("\n")
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "gone.db").symlink_to("nowhere")

    source = zones_in(tmp_path)

    assert [
        "0/26.2.0.192.in-addr.arpa", "a.example", "b.example", "c.example", "d.example", "e.example", "f.example",
    ] == [each.zone for each in source.zones]  # fmt: skip
    both = f"the zone twice.example is in {tmp_path}/old and {tmp_path}/twice.example.db: leave only one of them"
    assert {
        "README.txt": ("it holds no SOA record", False),
        "empty.db": ("it is empty", True),
        "folder.db": ("it is a folder: import it separately", False),
        "gone.db": ("it is a dangling link", True),
        "old": (both, True),
        "twice.example.db": (both, True),
    } == {Path(each.place).name: (each.reason, each.wrong) for each in source.left}


def test_a_pipe_in_a_folder_holds_up_nobody(tmp_path: Path) -> None:
    """Opening one waits until somebody writes: it is named, and the zones beside it are taken."""
    (tmp_path / "a.example.db").write_text(SOA)
    os.mkfifo(tmp_path / "pipe.db")

    source = zones_in(tmp_path)

    assert ["a.example"] == [each.zone for each in source.zones]
    assert ["it is neither a file nor a folder: a pipe, a socket or a device"] == [each.reason for each in source.left]
    with pytest.raises(NothingToImport, match="a pipe"):
        zones_in(tmp_path / "pipe.db")


def test_the_file_of_one_zone_is_not_called_empty(tmp_path: Path) -> None:
    """Who gives one zone file instead of a folder is told the command for that."""
    (tmp_path / "a.example.db").write_text(SOA)

    with pytest.raises(NothingToImport, match=r"is the file of one zone: dadns push .*a\.example\.db"):
        zones_in(tmp_path / "a.example.db")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("a.example. IN SOA x. y. 1 2 3 4 5\n", "a.example"),
        ("$TTL 1d\n@\t1D IN SOA x. y. (\n 1 2 3 4 5 )\n", "called.example"),
        ("; SOA of old\n$ORIGIN example.\na 300 SOA x. y. 1 2 3 4 5\n", "a.example"),
        ("$ORIGIN example.\n$ORIGIN sub\n@ IN 300 soa x. y. 1 2 3 4 5\n", "sub.example"),
        ("a IN SOA x. y. 1 2 3 4 5\n", "a.called.example"),
        ('soa IN TXT "SOA"\n', ""),
        ("@ IN TXT SOA ; a SOA\n", ""),
    ],
)
def test_the_zone_of_a_text(text: str, zone: str) -> None:
    if zone:
        assert zone == zone_in(text.encode(), called="db.called.example")
    else:
        with pytest.raises(NoZone, match="no SOA"):
            zone_in(text.encode(), called="db.called.example")

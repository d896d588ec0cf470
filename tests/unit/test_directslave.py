"""DirectSlave's configuration and list of domains: whose zone is where."""

from __future__ import annotations

from pathlib import Path

import pytest

from directdnsonly.cli.directslave import Master, zones_of
from directdnsonly.cli.sources import NothingToImport

CONF = """\
background \t1
host  \t\t*
port  \t\t2222
cookie_auth_key # no comment & no value of ours
# named_conf\t/not/this
named_workdir\t{workdir}
named_conf\t{conf}
retry_time\t1200
named_format    {form}

authfile\t/usr/local/directslave/etc/passwd
"""
LIST = """\
zone "b.example" { type slave; file "/etc/namedb/secondary/b.example.db"; masters { 192.0.2.1; }; };
zone "a.example" {
  type secondary;
  primaries { 192.0.2.2 port 5353; 2001:db8::2; };
  file "a.example.db";
};
zone "own.example" { type master; file "own"; };
zone "key.example" { type slave; masters { 192.0.2.1 key k; }; };
zone "list.example" { type slave; masters { all-masters; }; };
zone "none.example" { type slave; file "x"; };
"""


@pytest.fixture
def made(tmp_path: Path):
    """DirectSlave's folder with this list."""

    def it(listed: str = LIST, *, conf: str = CONF, form: str = "text") -> Path:
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "secondary").mkdir(exist_ok=True)
        (tmp_path / "directslave.inc").write_text(listed)
        text = conf.format(workdir=tmp_path / "secondary", conf=tmp_path / "directslave.inc", form=form)
        (tmp_path / "etc/directslave.conf").write_text(text)
        return tmp_path

    return it


def test_each_domain_comes_with_its_master_and_that_masters_host_name(made):
    """What is no secondary zone, or cannot be asked, is named with the reason."""
    found = zones_of(made(), owners={"192.0.2.1": "da1.host.example"})

    assert [
        ("a.example", (Master("192.0.2.2", 5353), Master("2001:db8::2")), ""),
        ("b.example", (Master("192.0.2.1"),), "da1.host.example"),
    ] == [(one.zone, one.masters, one.hostname) for one in found.zones]
    assert {
        "zone key.example": ("its master 192.0.2.1 requires key k, which we cannot provide", True),
        "zone list.example": ("its master all-masters is the name of a list, not an address", True),
        "zone none.example": ("it has no master", True),
        "zone own.example": ("its type is master, not secondary", False),
    } == {one.place: (one.reason, one.wrong) for one in found.left}


def test_its_files_are_taken_where_its_masters_are_gone(made):
    """By their names, wherever the folder has been copied to."""
    folder = made()
    (folder / "secondary/b.example.db").write_text("...")

    found = zones_of(folder, owners={}, files=True)

    assert [("b.example", folder / "secondary/b.example.db")] == [(one.zone, one.file) for one in found.zones]
    assert "it does not exist" in [one.reason for one in found.left]
    binary = zones_of(made(form="binary"), owners={}, files=True)
    assert [] == list(binary.zones)
    assert "without --files" in " ".join(one.reason for one in binary.left)


def test_a_copy_of_its_folder_is_as_good(made, tmp_path):
    """The configuration names places of the old host."""
    folder = made(conf="named_conf /etc/namedb/directslave.inc\n")

    assert ["a.example", "b.example"] == [one.zone for one in zones_of(folder, owners={}).zones]
    (folder / "etc/namedb").mkdir()
    (folder / "directslave.inc").rename(folder / "etc/namedb/directslave.inc")
    assert ["a.example", "b.example"] == [one.zone for one in zones_of(folder, owners={}).zones]


def test_one_domain_with_two_masters_lists_is_taken_from_neither(made):
    """Nobody knows whose it is now."""
    found = zones_of(
        made(
            'zone "a.example" { type slave; masters { 192.0.2.1; }; };\n'
            'zone "A.example" { type slave; masters { 192.0.2.2; }; };\n'
        ),
        owners={},
    )

    assert [] == list(found.zones)
    assert all("leave only one of them" in one.reason for one in found.left)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("", "lists no zone"),
        ("// nothing\n", "lists no zone"),
        (LIST[:150], "ends in the middle of a zone"),
        ('zone "a.example" { type slave; masters { 192.0.2.1; }; }', "ends in the middle of a zone"),
    ],
)
def test_a_list_that_is_empty_or_half_written_gives_nothing(made, listed, words):
    """It is written anew with each domain: a copy may be of the wrong moment."""
    with pytest.raises(NothingToImport, match=words):
        zones_of(made(listed), owners={})


def test_what_is_not_directslaves_is_told(made, tmp_path):
    """No folder, another configuration, a list that is gone."""
    with pytest.raises(NothingToImport, match=r"holds no etc/directslave\.conf"):
        zones_of(tmp_path / "nowhere", owners={})
    folder = made(conf="port 2222\n")
    with pytest.raises(NothingToImport, match="does not set named_conf"):
        zones_of(folder, owners={})
    made(conf="named_conf /nowhere/at.all\n")
    with pytest.raises(NothingToImport, match=r"the list cannot be read: .*No such file"):
        zones_of(folder, owners={})

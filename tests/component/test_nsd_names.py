"""The links by which NSD finds zones whose name is no file name."""

from __future__ import annotations

import pytest

from directdnsonly.backends.files.backend import UnwritableName
from directdnsonly.backends.files.folder import ZoneFolder
from directdnsonly.backends.nsd.names import FOLDER, NameLinks
from directdnsonly.backends.nsd.settings import NsdSettings
from directdnsonly.zone.name import ZoneName

ODD, OTHER = ZoneName.parse("0/26.2.0.192.in-addr.arpa"), ZoneName.parse("1/26.2.0.192.in-addr.arpa")


def test_links_follow_a_folder_that_was_moved(tmp_path):
    """They hold whole paths: those of before the move lead nowhere."""
    (tmp_path / "old").mkdir()
    NameLinks(tmp_path / "old").link(ODD, ZoneFolder(tmp_path / "old").path(ODD))
    moved = (tmp_path / "old").rename(tmp_path / "new")
    file = ZoneFolder(moved).path(ODD)

    NameLinks(moved).link(ODD, file)

    assert {file} == {link.readlink() for link in (moved / FOLDER).rglob("*") if link.is_symlink()}


def test_a_zone_that_cannot_be_linked_keeps_no_other_from_a_start(tmp_path):
    """The service ended with it. A delivery of that zone tells it."""
    layout = NsdSettings(type="nsd").layout("nsd", tmp_path)
    layout.zones_dir.mkdir(parents=True)
    files, links = ZoneFolder(layout.zones_dir), NameLinks(layout.zones_dir)
    links.link(ODD, files.path(OTHER))
    for name in (ODD, OTHER):
        files.write(name, "text\n", version=1, serial=1, records=1)
    with pytest.raises(UnwritableName):
        links.link(ODD, files.path(ODD))

    assert {(str(ODD), True), (str(OTHER), True)} == set(layout.zones())

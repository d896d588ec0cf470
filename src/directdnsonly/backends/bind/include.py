"""The include file of an external named: it lists our zones, one a line, and is ours to write. Blocking.

This is the original's way (`named_conf`). Each batch with adds or deletes writes it once; named reads it by
`rndc reconfig`, which grows with the number of zones: prefer addzone where named allows it.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from directdnsonly.errors import NameRefused
from directdnsonly.zone.name import ZoneName

HEADER = "// Written by directdnsonly; do not edit: changes here are lost.\n"
_STANZA = re.compile(r'zone\s+"([^"]+)"[^{;]*\{[^{}]*\}\s*;')


class IncludeFile:
    """Zone name -> stanza. Stanzas of an earlier program are kept as they are until we write the zone ourselves.

    `edition` grows with each writing; the caller compares it with the one that named has read. It begins above 0: we may
    have ended between a writing and its reconfig.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stanzas: dict[str, str] | None = None
        self._one_writer = threading.Lock()  # the thread of a batch that was cancelled may still write
        self.edition = 1

    def __contains__(self, name: ZoneName) -> bool:
        """Whether the zone is listed."""
        return str(name) in self._load()

    def update(self, changes: Mapping[ZoneName, Path | None]) -> None:
        """List each zone with its file, or remove it from the list (None), in one atomic step."""
        with self._one_writer:
            self._update(changes)

    def _update(self, changes: Mapping[ZoneName, Path | None]) -> None:
        stanzas = dict(self._load())
        for name, file in changes.items():
            if file is None:
                stanzas.pop(str(name), None)
            else:
                stanzas[str(name)] = f'zone "{name}" {{ type primary; file "{file}"; }};'
        if stanzas == self._stanzas:
            return
        temporary = self._path.with_name(f".{self._path.name}.tmp")
        temporary.write_text(HEADER + "".join(f"{stanza}\n" for stanza in stanzas.values()), encoding="utf-8")
        temporary.chmod(0o644)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(self._path)
        self._stanzas = stanzas
        self.edition += 1

    def _load(self) -> dict[str, str]:
        """The file as it stands; one that is not ours is kept beside it first."""
        if self._stanzas is not None:
            return self._stanzas
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        if text and not text.startswith(HEADER):
            shutil.copy2(self._path, self._path.with_name(self._path.name + ".before-directdnsonly"))
        self._stanzas = {}
        for found in _STANZA.finditer(text):
            try:
                name = str(ZoneName.parse(found[1]))
            except NameRefused:
                name = found[1]
            self._stanzas[name] = " ".join(found[0].split())
        return self._stanzas

"""A name server's own zone checker (named-checkzone, nsd-checkzone, kzonecheck): why it refuses a zone, in its own words."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from directdnsonly.nameservers.account import ending_with_us
from directdnsonly.zone.name import ZoneName

AT_ONCE = 4
MOST_CHARS: Final = 400  # of a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """A checker program, and how to parse its output.

    `head`: what stands before its words. `empty`: lines that say nothing which others do not say better. `mild`: what it
    mentions and no server refuses for. `refuses`: what it says when a server would refuse; it also fails for less.
    `at_line`: what tells only a line (`line`) and a fault (`words`): then the record is told beside it. `given`: what it reads on its standard input, by its own path, the zone and the file.
    """

    program: str
    arguments: Callable[[ZoneName, Path], Sequence[str]]
    head: re.Pattern[str]
    empty: re.Pattern[str]
    mild: re.Pattern[str]
    refuses: re.Pattern[str] = re.compile("")
    at_line: re.Pattern[str] | None = None
    given: Callable[[str, ZoneName, Path], str] | None = None


NSD_CHECKZONE: Final = Checker(
    program="nsd-checkzone",
    arguments=lambda zone, file: [str(zone), str(file)],
    head=re.compile(r"^(\[[\d: .-]+\] )?(nsd-checkzone\[\d+\]: )?(error: )?(\S+/[^:/ ]+:(?=\d))?"),
    empty=re.compile(r"^zone \S+ (is ok$|file )|: syntax error$|^\d+: syntax error$"),
    mild=re.compile(r"^(info|notice|warning): "),
    at_line=re.compile(r"^(?P<line>\d+): (?P<words>[A-Z].*)$"),  # so do 4.12 and later, which quote nothing
)
# Only the checks that are never off keep knotd from loading a zone (its manual: "semantic-checks"); kzonecheck makes all of
# them, and fails for each.
KZONECHECK: Final = Checker(
    program="kzonecheck",
    arguments=lambda zone, file: ["-v", "-o", zone.absolute, str(file)],
    head=re.compile(r"^(error: |warning: |\[\S+\] (?=zone loader|failed))*(zone loader, )?"),
    empty=re.compile(
        r"^Error summary:|^\d+\s|^[Ss]erious semantic error|^No semantic error|^failed to load zone, file"
        r"|^failed to run semantic checks|^failed to finalize zone contents|^failed to load, file "
    ),
    mild=re.compile(
        r"^ignoring |^\[\S+\] (?!missing SOA|another record exists|multiple (CNAME|DNAME)|child record exists|NS record exists)"
    ),
    refuses=re.compile(r"^Serious semantic error|^error: ", re.MULTILINE),
    at_line=re.compile(r", file '[^']*', line (?P<line>\d+) \((?P<words>.*)\)$"),
)


class _Words(TypedDict):
    """How a checker speaks."""

    head: re.Pattern[str]
    empty: re.Pattern[str]
    mild: re.Pattern[str]


# Of named-checkzone and of named-checkconf, which repeats the last words behind the view's name.
NAMED_WORDS: Final[_Words] = {
    "head": re.compile(r"^(dns_\w+: )?(zone \S+: )?(\S+/[^:/ ]+:(?=\d))?(zone \S+: )?"),
    "empty": re.compile(
        r"not loaded due to errors|^loading from master file .* failed|^loaded serial|^OK$|^_default/\S+: "
    ),
    "mild": re.compile(r"warning|ignoring|using RFC ?1035 TTL|\(illegal\)$|appears to have"),
}
NAMED_CHECKZONE: Final = Checker(  # with the strictness that named has by default
    program="named-checkzone",
    arguments=lambda zone, file: ["-k", "fail", "-i", "local", str(zone), str(file)],
    **NAMED_WORDS,
)


class ZoneChecker:
    """Runs a checker. Without one, nothing is known before the name server has loaded the zone."""

    def __init__(self, checker: Checker, *, timeout_s: float) -> None:
        program = checker.program
        self._checker = checker
        self._program = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def there(self) -> bool:
        """Whether the program is installed."""
        return self._program is not None

    async def why_refused(self, name: ZoneName, text: str) -> str:
        """The checker's reason to refuse this text; empty if it accepts it, or cannot be run."""
        if self._program is None:
            return ""
        async with self._slots:
            return await asyncio.to_thread(self._run, name, text)

    def _run(self, name: ZoneName, text: str) -> str:
        assert self._program is not None
        with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="dadns-check-") as file:
            file.write(text)
            file.flush()
            place = Path(file.name)
            try:
                given = self._checker.given(self._program, name, place) if self._checker.given else ""
                done = subprocess.run(  # noqa: S603 - a fixed program, no shell
                    [*ending_with_us(), self._program, *self._checker.arguments(name, place)],
                    capture_output=True,
                    timeout=self._timeout_s,
                    check=False,
                    input=given.encode("ascii"),
                )
            except (subprocess.TimeoutExpired, OSError):
                return ""
        said = (done.stderr + done.stdout).decode("utf-8", "replace")
        if not done.returncode or not self._checker.refuses.search(said):
            return ""
        reason = decisive(self._checker, said, text)
        return reason.replace(f"{file.name}: ", "").replace(f"{file.name}:", "")  # a file that nobody can look at


def decisive(checker: Checker, said: str, text: str) -> str:
    """A checker's reasons in its own words: as many lines as fit, the decisive ones first. Pure."""
    lines = [checker.head.sub("", line).strip() for line in said.splitlines()]
    words = list(dict.fromkeys(line for line in lines if line and not checker.empty.search(line)))
    if not words:  # rather what says little than nothing; that there are errors comes behind
        words = [line for line in lines if line][:1]
    words.sort(key=lambda line: bool(checker.mild.search(line)))
    told = ""
    for number, line in enumerate(words):
        one = _with_record(checker, line, text)
        rest = f"; and {len(words) - number} more"
        if told and len(told) + len(one) + len(rest) > MOST_CHARS:
            return told + rest
        told += f"; {one}" if told else one[:MOST_CHARS]
    return told or f"{checker.program} refuses it without a word"


def _with_record(checker: Checker, line: str, text: str) -> str:
    """Lines are counted in the text that we gave, which nobody has seen: so the record itself is told."""
    found = checker.at_line.search(line) if checker.at_line else None
    if found is None:
        return line
    records = text.split("\n")
    number = int(found["line"])
    record = records[number - 1][:100] if 0 < number <= len(records) else ""
    return f"{found['words']}: {record}" if record else f"{found['words']}, in line {number}"

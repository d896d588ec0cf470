"""The faults of `python -m bench --against`. Numbers are those of docs/compared.md."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from bench.against import HOSTNAME, OTHER, SERIAL, SLOW_S, Answer, Seen, Trial, fault
from bench.load import large_zone, percentile, zone_text

GOOD, GUESSES, TYPED, SILENT, DRIPPING = 20, 15, 20, 100, 10
DRIP_S = 0.5


def _no_soa(zone: str) -> bytes:
    return f"$TTL 300\n{zone}.\tIN\tNS\tns1.host.example.\nwww\tIN\tA\t192.0.2.1\n".encode()


def _no_ns(zone: str) -> bytes:
    lines = zone_text(zone, SERIAL + 1).decode().splitlines()
    return "\n".join(line for line in lines if "\tNS\t" not in line).encode()


def _with(line: str):
    return lambda zone: zone_text(zone, SERIAL + 1) + f"{line.format(zone=zone)}\n".encode()


UNFIT = {
    "no SOA": _no_soa,
    "no NS": _no_ns,
    "a second SOA": _with("@ IN SOA ns9.host.example. h.host.example. 9 60 60 60 60"),
    "a CNAME beside an address": _with("www IN CNAME elsewhere.example."),
    "two CNAMEs": _with("two IN CNAME a.example.\ntwo IN CNAME b.example."),
    "an NS in the zone without an address": _with("{zone}. IN NS lost"),
}
EXPANDING = {"B4": ("$GENERATE of 20,000 lines", "$GENERATE 1-20000 h$ A 192.0.2.1"), "B5": ("$INCLUDE", "$INCLUDE nowhere.zone")}  # fmt: skip
NAMES = {
    "B2": ("a quotation mark in the name", 'a"b{tag}.example'),
    "B3": ("a path in the name", "../{tag}.example"),
    "B10": ("a line's end in the name", "a\nb{tag}.example"),
}


@fault("A2", "push, delete, push again, at once")
def a2_again(trial: Trial) -> Seen:
    zone = trial.zone("a")
    answers = [trial.push(zone), trial.delete(zone), trial.push(zone, serial=SERIAL + 2)]
    served = trial.until_served(zone, SERIAL + 2)
    return Seen(_all(answers), served, trial.served(zone))


@fault("A2", "push, then delete at once")
def a2_gone(trial: Trial) -> Seen:
    zone = trial.zone("a")
    answers = [trial.push(zone), trial.delete(zone)]
    there = trial.exists(zone)
    gone = trial.until_served(zone, None)
    forgotten = there.fields.get("exists") == "0"
    return Seen(f"{_all(answers)}; then {there}", forgotten and gone is not False, trial.served(zone))


@fault("A9, C3", "the delete as DirectAdmin sends it, of a zone that is served")
def a9(trial: Trial) -> Seen:
    zone = trial.zone("a")
    answers = [trial.push(zone)]
    trial.until_served(zone, SERIAL)
    answers.append(trial.delete(zone))
    gone = trial.until_served(zone, None)
    there = trial.exists(zone)
    held = there.fields.get("exists") == "0" and gone is not False
    return Seen(f"{_all(answers)}; then {there}", held, trial.served(zone))


def _unfit(what: str) -> None:
    @fault("B1", what)
    def run(trial: Trial) -> Seen:
        zone = trial.zone("b")
        trial.push(zone)
        trial.until_served(zone, SERIAL)
        answer = trial.push(zone, UNFIT[what](zone))
        return _still(trial, zone, answer)


def _expanding(number: str) -> None:
    @fault(number, EXPANDING[number][0])
    def run(trial: Trial) -> Seen:
        zone = trial.zone("b")
        trial.push(zone)
        trial.until_served(zone, SERIAL)
        answer = trial.push(zone, zone_text(zone, SERIAL + 1) + f"{EXPANDING[number][1]}\n".encode())
        return _still(trial, zone, answer)


def _named(number: str) -> None:
    @fault(number, NAMES[number][0])
    def run(trial: Trial) -> Seen:
        name = NAMES[number][1].format(tag=trial.tag)
        answer = trial.push(name, zone_text("a.example", SERIAL))
        zone = trial.zone("b")
        beside = trial.push(zone)
        served = trial.until_served(zone, SERIAL)
        if answer.accepted:
            trial.delete(name)
        held = answer.refused and beside.accepted and served is not False
        return Seen(f"{answer}; a good zone then {beside}", held, trial.served(zone))


for _what in UNFIT:
    _unfit(_what)
for _number in EXPANDING:
    _expanding(_number)
for _number in NAMES:
    _named(_number)


@fault("B6", "a record of another zone")
def b6(trial: Trial) -> Seen:
    zone = trial.zone("b")
    answer = trial.push(zone, zone_text(zone, SERIAL) + b"other.test. 300 IN A 192.0.2.9\n")
    served = trial.until_served(zone, SERIAL) if answer.accepted else None
    return Seen(str(answer), True if answer.refused else served, trial.served(zone))


@fault("B7", f"one bad zone among {GOOD}")
def b7(trial: Trial) -> Seen:
    zones = [trial.zone("b") for _ in range(GOOD)]
    answers = [trial.push(zone, _no_soa(zone) if number == GOOD // 2 else None) for number, zone in enumerate(zones)]
    good = [zone for number, zone in enumerate(zones) if number != GOOD // 2]
    served = [trial.until_served(zone, SERIAL) for zone in good]
    accepted = sum(answer.accepted for answer in answers)
    held = None if trial.names is None else all(served)
    told = f"{sum(map(bool, served))} of {len(good)} good ones" if trial.names else ""
    return Seen(f"{accepted} error=0, {len(answers) - accepted} refused", held, told)


@fault("B8", "a zone of a megabyte")
def b8(trial: Trial) -> Seen:
    zone = trial.zone("b")
    answer = trial.push(zone, large_zone(zone, SERIAL, 2**20))
    served = trial.until_served(zone, SERIAL)
    return Seen(
        f"{answer} in {answer.seconds:.1f} s", answer.accepted and served if trial.names else None, trial.served(zone)
    )


@fault("B9", "one zone in three spellings, and one delete")
def b9(trial: Trial) -> Seen:
    zone = trial.zone("b")
    answers = [trial.push(name, zone_text(zone, SERIAL)) for name in (zone.upper(), f"{zone}.", zone)]
    trial.until_served(zone, SERIAL)
    trial.delete(zone)
    there = [trial.exists(name).fields.get("exists") for name in (zone.upper(), f"{zone}.", zone)]
    gone = trial.until_served(zone, None)
    held = there == ["0"] * 3 and gone is not False
    return Seen(f"{_all(answers)}; after the delete exists={'/'.join(map(str, there))}", held, trial.served(zone))


@fault("D4", "a delete from a server that the zone has left")
def d4(trial: Trial) -> Seen:
    zone = trial.zone("d")
    answers = [trial.push(zone), trial.push(zone, serial=SERIAL + 1, host=OTHER)]
    trial.until_served(zone, SERIAL + 1)
    late = trial.delete(zone, host=HOSTNAME)
    there = trial.exists(zone)
    time.sleep(min(2.0, trial.patience_s))  # for a delete that waits in a queue
    still = None if trial.names is None else trial.names.serial(zone) is not None
    answer = Seen(
        f"{_all(answers)}; late delete {late}; then {there}", there.fields.get("exists") == "1" and still is not False,
        trial.served(zone),
    )  # fmt: skip
    trial.delete(zone, host=OTHER)
    return answer


@fault("E1", "the user and password that the original ships")
def e1(trial: Trial) -> Seen:
    answer = trial.receiver.ask("GET", "/CMD_API_LOGIN_TEST", user="directdnsonly", password="changeme")
    return Seen(str(answer), answer.refused)


@fault("E3", "one silent connection beside a push")
def e3(trial: Trial) -> Seen:
    with trial.held_open(1):
        return _beside(trial)


@fault("E4", "is it well, asked without a password")
def e4(trial: Trial) -> Seen:
    paths = ("/livez", "/readyz", "/health")
    answers = [trial.receiver.ask("GET", path, user="") for path in paths]
    told = ", ".join(f"{path} {answer}" for path, answer in zip(paths, answers, strict=True))
    return Seen(told, any(answer.status in (200, 503) for answer in answers))


@fault("E5", f"{SILENT} silent connections beside a push")
def e5(trial: Trial) -> Seen:
    with trial.held_open(SILENT, b"GET / HTTP/1.1\r\n"):
        return _beside(trial)


@fault("E6", f"{TYPED} questions while somebody types a name")
def e6(trial: Trial) -> Seen:
    name = trial.zone("typed")
    answers = [trial.exists(name[: number % len(name) + 1]) for number in range(TYPED)]
    median = percentile([answer.seconds for answer in answers], 0.5)
    good = sum(answer.accepted or answer.status in (200, 400) for answer in answers)
    return Seen(f"{good} answered, p50 {median * 1e3:.1f} ms", good == TYPED and median < 0.5)


@fault("E8", "a form of 2 MB and 200,000 fields, without a password")
def e8(trial: Trial) -> Seen:
    body = b"&".join(b"f%06d=1" % number for number in range(200_000))
    head = "Content-Type: application/x-www-form-urlencoded\r\n"
    answer = trial.receiver.ask("POST", "/CMD_API_DNS_ADMIN", body, user="", head=head)
    return Seen(f"{answer} in {answer.seconds:.1f} s", answer.status in (401, 403, 429) and answer.seconds < SLOW_S)


@fault("E9", f"{DRIPPING} connections that drip a body, without a password, beside a push")
def e9(trial: Trial) -> Seen:
    head = b"POST /CMD_API_DNS_ADMIN HTTP/1.0\r\nContent-Length: 100000\r\n\r\n"
    over = threading.Event()
    with trial.held_open(DRIPPING, head) as opened:

        def drip() -> None:
            while not over.wait(DRIP_S):
                for sock in opened:
                    with suppress(OSError):
                        sock.sendall(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            time.sleep(2 * DRIP_S)
            return _beside(trial)
        finally:
            over.set()
            dripping.join()


@fault("E2", f"{GUESSES} wrong passwords, then a push")
def e2(trial: Trial) -> Seen:
    guesses = [
        trial.receiver.ask("GET", "/CMD_API_LOGIN_TEST", password=f"wrong{number}", user=trial.receiver.user)
        for number in range(GUESSES)
    ]
    seconds = sum(answer.seconds for answer in guesses)
    beside = trial.push(trial.zone("e"))
    codes = ", ".join(map(str, sorted({answer.status for answer in guesses})))
    held = all(answer.refused for answer in guesses) and beside.accepted
    return Seen(f"HTTP {codes} in {seconds:.1f} s; the push then {beside}", held)


def _still(trial: Trial, zone: str, answer: Answer) -> Seen:
    """Refused, and what was served stays. Taken: then it must be served."""
    if answer.refused:
        still = None if trial.names is None else trial.names.serial(zone) == SERIAL
        return Seen(f"{answer} in {answer.seconds:.1f} s", still is not False, trial.served(zone))
    served = trial.until_served(zone, SERIAL + 1)
    return Seen(f"{answer} in {answer.seconds:.1f} s", served, trial.served(zone))


def _beside(trial: Trial) -> Seen:
    answer = trial.push(trial.zone("e"))
    return Seen(f"{answer} in {answer.seconds:.1f} s", answer.accepted and answer.seconds < SLOW_S)


def _all(answers: list[Answer]) -> str:
    return ", ".join(map(str, answers))

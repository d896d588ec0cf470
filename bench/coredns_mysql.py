"""coredns_mysql on a real MariaDB and CoreDNS: python -m bench.coredns_mysql [--quick]. Needs `make coredns`.

change   push -> proven (answered by CoreDNS) with 10 and 10,000 zones present; the floor is the same change in SQL alone
bulk     new zones as fast as possible until all are proven; the floor is `apply` alone, without outbox and DNS
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import tempfile
import time
from pathlib import Path

from tests.support.coredns import DATABASE, PASSWORD, USER, DataCentre

from bench.__main__ import table
from bench.line import SERIAL, _fill, ms
from bench.load import percentile, push_blocking, rawsave, soa_query, zone_text
from bench.service import Service
from directdnsonly.backends.contract import ZoneChange
from directdnsonly.backends.coredns import mysql_backend as coredns_mysql
from directdnsonly.verify.wire import read_soa
from directdnsonly.zone.name import ZoneName
from directdnsonly.zone.text import parse

BACKEND = """\
    coredns_mysql:
      host: 127.0.0.1
      port: {port}
      database: {database}
      username: {user}
      password: {password}
      plugin: mysqlzones
      verify_address: 127.0.0.1#{dns}
"""
Row = dict[str, object]


def wait_served(sock: socket.socket, name: str, serial: int) -> None:
    """Ask until CoreDNS answers this serial. It does not compress, so that `bench.load.served_serial` cannot read it."""
    asked = soa_query(name)
    for _ in range(100_000):
        sock.send(asked)
        if read_soa(sock.recv(4096), asked).serial == serial:
            return
    raise RuntimeError(f"{name} is not served with {serial}")


def changes(service: Service, dns_port: int, samples: int, *, serial_from: int) -> list[float]:
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", dns_port))
        sock.settimeout(5)
        for sample in range(samples):
            name, serial = f"zone{sample % 10}.example", serial_from + sample
            request = rawsave(name, zone_text(name, serial, address=f"198.51.100.{sample % 250}"))
            start = time.perf_counter()
            push_blocking(service.port, request)
            wait_served(sock, name, serial)
            times.append(time.perf_counter() - start)
            time.sleep(0.05)
    return times


def sql_floor(centre: DataCentre, samples: int) -> float:
    """Median seconds of the least that a change needs: lock the zone, replace two rows, commit."""
    times = []
    connection = centre.database.connect(DATABASE)
    try:
        connection.autocommit(False)
        for sample in range(samples):
            start = time.perf_counter()
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM zones WHERE zone_name = 'zone0.example.' FOR UPDATE")
                (zone,) = cursor.fetchone()
                cursor.execute(
                    "UPDATE records SET ttl = %s WHERE zone_id = %s AND hostname = '@' AND type = 'SOA'", (sample, zone)
                )
                cursor.execute(
                    "UPDATE records SET ttl = %s WHERE zone_id = %s AND hostname = 'www' AND type = 'A'", (sample, zone)
                )
            connection.commit()
            times.append(time.perf_counter() - start)
    finally:
        connection.close()
    return percentile(times, 0.5)


async def apply_floor(centre: DataCentre, count: int, folder: Path) -> float:
    """Seconds of `apply` alone for new zones, two batches of 50 at a time."""
    backend = coredns_mysql.build("floor", centre.settings(), folder)
    await backend.ready()
    made = []
    for number in range(count):
        zone = parse(zone_text(f"floor{number}.example", SERIAL), ZoneName.parse(f"floor{number}.example"))
        made.append(ZoneChange(name=zone.name, version=1, text=zone.text, serial=zone.serial, records=zone.records))
    batches = iter([made[start : start + 50] for start in range(0, count, 50)])

    async def worker() -> None:
        for batch in batches:
            await backend.apply(batch)

    start = time.perf_counter()
    await asyncio.gather(worker(), worker())
    seconds = time.perf_counter() - start
    await backend.aclose()
    return seconds


async def run(*, quick: bool) -> None:
    samples, many = (20, 1000) if quick else (100, 10_000)
    rows: list[Row] = []
    bulk: list[Row] = []
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        centre = DataCentre(folder / "dc")
        try:
            await centre.prepare()
            await centre.coredns.start()
            backends = BACKEND.format(
                port=centre.database.port, database=DATABASE, user=USER, password=PASSWORD, dns=centre.coredns.port
            )
            service = await asyncio.to_thread(Service(backends=backends).__enter__)
            have = 0
            for present in (10, many):
                seconds = await asyncio.to_thread(lambda p=present, h=have: _fill(service, p, have=h))
                if present > 10:
                    bulk.append(
                        {
                            "new zones": present - have,
                            "seconds": round(seconds, 1),
                            "zones/s": round((present - have) / seconds),
                        }
                    )
                have = present
                times = await asyncio.to_thread(
                    changes, service, centre.coredns.port, samples, serial_from=SERIAL + present
                )
                rows.append({
                    "zones": present, "p50 ms": ms(percentile(times, 0.5)), "p95 ms": ms(percentile(times, 0.95)),
                    "floor: SQL alone, ms": ms(sql_floor(centre, samples)),
                })  # fmt: skip
            await asyncio.to_thread(service.__exit__, None, None, None)
            seconds = await apply_floor(centre, many // 5, folder)
            bulk.append(
                {
                    "new zones": f"floor: apply alone, {many // 5}",
                    "seconds": round(seconds, 1),
                    "zones/s": round(many / 5 / seconds),
                }
            )
        finally:
            await centre.stop()
    print(table("change -> proven", rows))
    print(table("bulk", bulk))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small counts: shows that it runs")
    asyncio.run(run(quick=parser.parse_args().quick))

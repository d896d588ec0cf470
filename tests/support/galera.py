"""Two nodes of a Galera cluster on one machine: MariaDB with the provider of the package galera-4."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pymysql
import pytest
from bench.service import free_port

from tests.support.mariadb import MariaDb

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")


def require_galera() -> None:
    """Missing: a failure in CI, a visible skip elsewhere."""
    if PROVIDER.exists():
        return
    if os.environ.get("CI"):
        pytest.fail(f"{PROVIDER} is not there; CI must have it (make tools-test)")
    pytest.skip(f"{PROVIDER} is not there (make tools-test)")


class Node(MariaDb):
    """A node is ready when it takes statements, some time after it takes connections."""

    def __init__(self, folder: Path, number: int, first_port: int, *options: str) -> None:
        folder.mkdir()
        port = first_port if number == 0 else free_port()
        super().__init__(
            folder, "wsrep-on=ON", f"wsrep-provider={PROVIDER}", "binlog-format=ROW", "innodb-autoinc-lock-mode=2",
            "wsrep-sst-method=skip", f"wsrep-node-name=n{number}", f"wsrep-node-address=127.0.0.1:{port}",
            f"wsrep-provider-options=base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};"
            f"ist.recv_addr=127.0.0.1:{free_port()}", *options,
        )  # fmt: skip

    async def is_ready(self) -> bool:
        try:
            return await super().is_ready()
        except pymysql.err.OperationalError:
            return False


@asynccontextmanager
async def two_nodes(folder: Path) -> AsyncIterator[tuple[Node, Node]]:
    """Both running, each a member. The second begins with the first one's data: both have the same template."""
    require_galera()
    port = free_port()
    one = Node(folder / "n0", 0, port, "wsrep-cluster-address=gcomm://", "wsrep-new-cluster")
    nodes = [one]
    try:
        await one.start()
        status = {str(name): value for name, value in one.sql("SHOW STATUS LIKE 'wsrep%'")}
        two = Node(folder / "n1", 1, port, f"wsrep-cluster-address=gcomm://127.0.0.1:{port}")
        (two.datadir / "grastate.dat").write_text(
            f"version: 2.1\nuuid: {status['wsrep_cluster_state_uuid']}\n"
            f"seqno: {status['wsrep_last_committed']}\nsafe_to_bootstrap: 0\n"
        )
        nodes.append(two)
        await two.start()
        async with asyncio.timeout(120):
            while one.sql("SHOW STATUS LIKE 'wsrep_cluster_size'")[0][1] != "2":
                await asyncio.sleep(0.1)
        yield one, two
    finally:
        for node in nodes:
            node.kill()

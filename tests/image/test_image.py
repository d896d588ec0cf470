"""The image, started as we document it. `make test-image` builds it and runs this; `make test` does not."""

from __future__ import annotations

import os
import re
import time

import dns.message
import dns.query
import dns.rcode
import pytest
from bench.load import PASSWORD, USER, dns_socket, large_zone, wait_served

from directdnsonly import __version__
from directdnsonly.backends.registry import BACKENDS
from tests.image.containers import HARDENED, ROOT, Container, Engine
from tests.support.original import SHIPPED
from tests.support.wire import DirectAdmin, zone_text

IMAGE = os.environ.get("TEST_IMAGE", "")
SERIAL = 2026112500
BUNDLED = [kind for kind in ("bind", "nsd", "knot") if kind in BACKENDS]
CONF = {"bind": "named", "nsd": "nsd"}  # of whose file the original's key names
MB = 1_000_000
LARGEST_MB = 250  # 208 on amd64
CONFIG = """
app: {{auth_username: {user}, auth_password: {password}}}
dns: {{backends: {{{kind}: {{type: {kind}, managed: true, listen: ["0.0.0.0"], port: 53}}}}}}
"""

pytestmark = pytest.mark.skipif(not IMAGE, reason="needs an image: make test-image")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.mark.parametrize("kind", BUNDLED)
def test_a_zone_is_served_also_after_a_restart(engine, kind, tmp_path):
    """Read-only root, no capabilities, no new privileges, not root: port 53 answers all the same."""
    config = CONFIG.format(user=USER, password=PASSWORD, kind=kind)
    with Container(engine, IMAGE, tmp_path, config) as container:
        accepting = container.wait_accepting()
        master = DirectAdmin("127.0.0.1", container.port, USER, PASSWORD)
        assert b"error=0" in master.login_test().body
        assert b"error=0" == master.rawsave("example.com", zone_text(serial=SERIAL)).body
        with dns_socket(container.dns_port) as sock:
            wait_served(sock, "example.com", SERIAL, limit_s=30)
            served = time.perf_counter() - container.began
            for octets in (90_000, 800_000):
                large = large_zone("large.example", octets, octets)
                assert b"error=0" == master.rawsave("large.example", large).body
                wait_served(sock, "large.example", octets, limit_s=30)
        _wait_tcp(container.dns_port)
        assert container.healthy()
        print(f"\n{kind}: accepts pushes {accepting:.2f} s after start, serves the first zone after {served:.2f} s")

        began = time.perf_counter()
        engine.run("stop", "-t", "10", container.name)
        assert time.perf_counter() - began < 10, "it had to be killed"
        assert 0 == engine.inspect("container", container.name)["State"]["ExitCode"]

        engine.run("start", container.name)
        with dns_socket(container.dns_port) as sock:
            wait_served(sock, "example.com", SERIAL, limit_s=30)


def test_a_mistake_in_the_configuration_is_told_and_ends_it(engine, tmp_path):
    """Exit code 2, the key named; no restart loop hides it from `docker logs`."""
    with Container(engine, IMAGE, tmp_path, "app: {auth_pasword: x}\n") as container:
        assert "2" == engine.run("wait", container.name).stdout.strip()
        assert "auth_pasword" in container.logs()


def test_a_configuration_is_checked_before_anything_starts(engine, tmp_path):
    """As docs/migrate-from-original.md does it: `check` names what is wrong, and is content with what is right."""
    tmp_path.chmod(0o755)
    ports = ("--sysctl", "net.ipv4.ip_unprivileged_port_start=0")
    look = ("run", "--rm", *ports, "-v", f"{tmp_path}:/app/config:ro", IMAGE, "check")
    (tmp_path / "app.yml").write_text("app: {auth_pasword: x}\n")
    wrong = engine.run(*look, check=False)
    (tmp_path / "app.yml").write_text(CONFIG.format(user=USER, password=PASSWORD, kind="bind"))

    assert "auth_pasword" in wrong.stdout + wrong.stderr
    assert 0 == engine.run(*look).returncode


def test_the_documented_command_is_the_one_that_is_tried():
    """Each option of `docker run` on the page that hardens it, and no other one that does."""
    page = (ROOT / "docs/deploy/container.md").read_text()
    command = page[page.index("docker run -d") :].split("```")[0].replace("\\\n", " ").split()
    limits = {"--memory", "512m", "--pids-limit", "100"}  # tried with less than a reader has

    assert set(HARDENED) - limits <= set(command)
    assert {word for word in command if word.startswith(("--cap", "--security", "--priv", "--sysctl"))} <= set(HARDENED)


def test_the_default_password_is_refused(engine, tmp_path):
    """An image that starts with a known password on every address would be an open door."""
    with Container(engine, IMAGE, tmp_path, "dns: {backends: {bind: {}}}\n") as container:
        assert "2" == engine.run("wait", container.name).stdout.strip()
        assert "auth_password" in container.logs()


def test_the_image_is_small_and_carries_what_it_should(engine):
    """Size, user, labels, no mirror and no secret of the machine that built it."""
    image = engine.inspect("image", IMAGE)
    config = image["Config"]

    assert image["Size"] < LARGEST_MB * MB
    assert "953:953" == config["User"]
    assert __version__ == config["Labels"]["org.opencontainers.image.version"]
    assert {"/app/data"} == set(config["Volumes"])
    history = engine.run("history", "--no-trunc", IMAGE).stdout
    assert not re.search(r"https?://(?!127\.0\.0\.1)", history + str(config["Env"]))


def test_the_programs_are_there_and_carry_no_file_capability(engine):
    """A file capability would make the kernel refuse to start it under --cap-drop ALL."""
    look = """
for program in named nsd knotd dadns tini python3; do command -v $program >/dev/null || echo missing $program; done
python3 - <<'PYTHON'
import os, shutil
for program in ("named", "nsd", "knotd"):
    if "security.capability" in os.listxattr(shutil.which(program)):
        print(program, "has a file capability")
PYTHON
ls -A /run/secrets /var/lib/apt/lists 2>/dev/null | grep -v : | grep .
find /app -mindepth 1 ! -path "/app/config*" ! -user directdnsonly
"""
    done = engine.run("run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c", look, check=False)
    print(f"\n{IMAGE}: {engine.inspect('image', IMAGE)['Size'] / MB:.0f} MB")

    assert "" == done.stdout.strip()


@pytest.mark.parametrize("kind", ["bind", "nsd"])
def test_the_originals_configuration_answers_on_port_53_of_every_address(engine, kind, tmp_path):
    """As it ships, with a password of one's own; the published port goes to the container's outer address, over UDP and TCP."""
    config = SHIPPED.replace("changeme", PASSWORD).replace("bind", kind).replace("named_conf", f"{CONF[kind]}_conf")
    with Container(engine, IMAGE, tmp_path, config) as container:
        container.wait_accepting()
        master = DirectAdmin("127.0.0.1", container.port, "directdnsonly", PASSWORD)
        assert b"error=0" == master.rawsave("example.com", zone_text(serial=SERIAL)).body
        with dns_socket(container.dns_port) as sock:
            wait_served(sock, "example.com", SERIAL, limit_s=30)
        _wait_tcp(container.dns_port)


def _wait_tcp(port: int) -> None:
    """Until the address is answered over TCP too. A process of NSD that is on its way out may still answer the first time."""
    query = dns.message.make_query("www.example.com", "A")
    until = time.monotonic() + 20
    while not (reply := dns.query.tcp(query, "127.0.0.1", port=port, timeout=5)).answer:
        assert time.monotonic() < until, reply
        print(f"\nover TCP still {dns.rcode.to_text(reply.rcode())} after the zone was proven over UDP")
        time.sleep(0.2)
    assert "192.0.2.10" in str(reply.answer[0])

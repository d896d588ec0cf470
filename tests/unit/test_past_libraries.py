"""What we take of libraries although they do not promise it (docs/adr/0008): a new version that lacks it, or has made a
name of ours its own, fails here and not in an operator's night."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import aiomysql
import aiosqlite
import pymysql.connections
import pymysql.converters
import pymysql.err
import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from directdnsonly.door.connections import BoundedHttp
from directdnsonly.door.server import Server
from directdnsonly.mysql import text as mysql_text
from directdnsonly.mysql import wire as mysql_wire
from directdnsonly.outbox.sqlite import connection

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """A class of ours on top of a library's."""

    ours: type
    theirs: type
    private: frozenset[str]  # members with an underscore that we call or read
    undocumented: frozenset[str]  # without an underscore, but in no manual
    overridden: frozenset[str]  # those that ours takes the place of, or sets


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLACES = (
    Place(
        ours=mysql_wire.Connection,
        theirs=aiomysql.Connection,
        private=names("_connect _execute_command _reader _server_auth_plugin _request_authentication _process_auth"),
        undocumented=names("client_flag decoders server_capabilities"),
        overridden=names("_request_authentication _process_auth client_flag"),
    ),
    Place(
        ours=connection.Connection,
        theirs=aiosqlite.Connection,
        private=names("_execute _conn _thread"),
        undocumented=frozenset(),
        overridden=frozenset(),
    ),
    Place(
        ours=BoundedHttp,
        theirs=HttpToolsProtocol,
        private=names("_unset_keepalive_if_required"),
        undocumented=names(
            "cycle client flow headers scheme scope server_state transport url on_message_begin on_header"
            " on_headers_complete on_body on_message_complete on_response_complete"
        ),
        overridden=names(
            "connection_made connection_lost data_received eof_received on_message_begin on_header"
            " on_headers_complete on_body on_message_complete on_response_complete"
        ),
    ),
    Place(
        ours=Server,
        theirs=uvicorn.Server,
        private=frozenset(),
        undocumented=names(
            "startup shutdown on_tick capture_signals servers started should_exit lifespan config server_state"
        ),
        overridden=names("startup shutdown on_tick capture_signals servers started should_exit"),
    ),
)
by_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.theirs.__module__)


def members(kind: type) -> frozenset[str]:
    """What its objects have: attributes of the class, and those that its own code names."""
    return frozenset(dir(kind)) | {name for code in codes(kind) for name in code.co_names}


def codes(kind: type) -> Iterator[CodeType]:
    for base in kind.__mro__[:-1]:
        for member in vars(base).values():
            function = inspect.unwrap(getattr(member, "fget", None) or getattr(member, "__func__", member))
            if inspect.isfunction(function):
                yield function.__code__


def attributes(kind: type) -> Iterator[ast.Attribute | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Of a class of ours, as it is written: what it reads and sets of itself, and its methods."""
    tree = ast.parse(inspect.getsource(kind))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
        ):
            yield node


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def made_by(kind: type) -> frozenset[str]:
    """Methods of a class of ours, and what they set of themselves; not Python's own (`__init__`)."""
    nodes = list(attributes(kind))
    methods = {node.name for node in nodes if not isinstance(node, ast.Attribute)}
    fields = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return frozenset(name for name in methods | fields if not name.startswith("__"))


@by_place
def test_what_we_take_is_there(place):
    wanted = place.private | place.overridden | place.undocumented

    assert set() == wanted - members(place.theirs)


@by_place
def test_what_we_take_without_a_promise_is_named_here(place):
    """Whoever takes one more private member writes it into the table, and thinks twice."""
    read = {node.attr for node in attributes(place.ours) if isinstance(node, ast.Attribute)}
    taken = {name for name in read - made_by(place.ours) if is_private(name)}

    assert place.private - place.overridden == taken


@by_place
def test_no_name_of_ours_is_one_of_the_librarys(place):
    """A new version that calls something `_poll` would share ours, and neither would know."""
    assert place.overridden == made_by(place.ours) & members(place.theirs)


def test_private_members_of_libraries_are_taken_in_these_places_only():
    """Elsewhere a name with an underscore is one that our own code has made (or a NamedTuple's, which Python promises)."""
    places = {sys.modules[place.ours.__module__].__file__ for place in PLACES}
    trees = {file: ast.parse(file.read_text()) for file in (ROOT / "src").rglob("*.py")}
    made: set[str] = {"_fields", "_replace", "_asdict"}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                made.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                made.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                made.add(node.id)

    found = {
        f"{file.name}:{node.lineno} {node.attr}"
        for file, tree in trees.items()
        if str(file) not in places
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in made
    }
    assert set() == found


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (aiomysql.Connection._execute_command, "command sql"),
        (aiomysql.Connection._process_auth, "plugin_name auth_packet"),
        (aiomysql.Connection._request_authentication, ""),
        (aiomysql.Connection._connect, ""),
        (aiosqlite.Connection._execute, "fn args kwargs"),
        (HttpToolsProtocol._unset_keepalive_if_required, ""),
        (uvicorn.Server.startup, "sockets"),
        (uvicorn.Server.shutdown, "sockets"),
        (uvicorn.Server.on_tick, "counter"),
    ],
)
def test_what_we_call_or_override_takes_what_we_give(function, expected):
    assert ["self", *expected.split()] == list(inspect.signature(function).parameters)


def test_an_answer_of_uvicorn_ends_by_its_transport():
    """`_Exit` stands in the place of a cycle's transport, and has no more than what is called there."""
    wanted = names("transport keep_alive response_complete disconnected message_event")
    source = inspect.getsource(RequestResponseCycle)

    assert set() == wanted - members(RequestResponseCycle)
    assert {"write", "is_closing", "close"} >= set(re.findall(r"self\.transport\.(\w+)", source))
    assert {"pause_reading", "resume_reading"} <= members(FlowControl)


def test_pymysql_has_what_we_read_packets_with():
    through: Any = pymysql.converters.through

    assert "x" == through("x")
    assert b"\\'" == pymysql.converters.escape_string("'").encode()
    assert {252, 253, 254} <= set(pymysql.connections.TEXT_TYPES)
    with pytest.raises(pymysql.err.IntegrityError, match="Duplicate"):
        pymysql.err.raise_mysql_exception(b"\xff\x26\x04#23000Duplicate entry")
    assert mysql_text.escape_string is pymysql.converters.escape_string


def test_no_value_of_ours_goes_through_the_drivers_escaping():
    """Of bytes it is broken: pymysql 1.2.3 and newer keep a word in the place of a function that aiomysql 0.3 calls."""
    files = [*(ROOT / "src/directdnsonly/mysql").glob("*.py"), *(ROOT / "src/directdnsonly/backends").rglob("*.py")]

    assert [] == re.findall(r"\.(?:cursor|escape|literal|mogrify|executemany)\(", "".join(map(Path.read_text, files)))


@pytest.mark.parametrize("name", ["aiomysql", "aiosqlite", "pymysql", "uvicorn"])
def test_an_install_without_the_lock_takes_no_version_that_nobody_tried(name):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = [one for one in project["dependencies"] if re.match(rf"{name}\b", one)]
    bound = re.search(r"<(\d+)\.(\d+)", wanted)
    assert bound, f"{wanted} has no upper bound"

    have = importlib.metadata.version(name).split(".")
    assert (int(have[0]), int(have[1])) < (int(bound[1]), int(bound[2]))
    assert f"{name}=={'.'.join(have)}" in (ROOT / "requirements.lock").read_text()

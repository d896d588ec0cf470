"""What all tests share."""

import resource
import signal

import pytest

from tests.support.neighbours import pytest_runtest_protocol  # noqa: F401 - a hook
from tests.support.selecting import pytest_addoption, pytest_collection_modifyitems  # noqa: F401 - hooks

pytest.register_assert_rewrite("tests.contract.store_exercises")  # tests that are imported by each engine's own

# A login shell of Debian allows 1,024 open files at first; the tests with a thousand connections need more.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 20_000 if _hard == resource.RLIM_INFINITY else min(20_000, _hard)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

# A shell that starts us in the background lets us ignore Ctrl-C, and what is ignored stays so in every program that we
# start: those that a test interrupts would go on for ever. What has a handler begins with the default there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

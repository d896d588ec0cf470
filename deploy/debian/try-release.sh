#!/bin/sh
# Try this checkout on another release of Debian: try-release.sh RELEASE [tests...]   (`make test-debian RELEASE=trixie`)
#
# In a minimal root of that release (in-root.sh, with its settings) what a bare machine would do: `make run`, a push, a dig; then the
# suites that talk to name servers and databases (default: tests/contract). Needs root and, for `make run`, the ports 2222 and 5300.
# WORKERS (2): of pytest.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
release=${1:?which release? (bookworm, trixie, forky)}
shift
export BRING="build/tried/table.md build/tried/run.log build/tried/results.xml build/tried/pytest.log"
exec "$here/in-root.sh" "$release" /checkout/deploy/debian/try-here.sh "${@:-tests/contract}"

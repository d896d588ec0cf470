#!/bin/sh
# Try this checkout on another release of Debian: try-release.sh RELEASE [tests...]   (`make test-debian RELEASE=trixie`)
#
# A minimal root of that release, made by mmdebstrap from the archive that this machine takes its packages from, and in it
# what a bare machine would do: `make run`, a push, a dig; then the suites that talk to name servers and databases (default:
# tests/contract). Everything happens in mount and process namespaces of its own, in a folder of its own: nothing stays
# mounted and nothing goes on running, whatever ends this (after a kill -9 the folder stays). Needs root (or sudo without a password) and, for `make run`, the ports 2222 and 5300.
# Settings by environment: WORKERS (2), and those of roots.sh.
set -eu
[ "$(id -u)" -eq 0 ] || exec sudo -n -E "$0" "$@"  # it makes a root folder, and mounts in it
cd "$(dirname "$0")/../.."
release=${1:?which release? (bookworm, trixie, forky)}
shift
. deploy/debian/roots.sh
make_root "$release"
export WORKERS="${WORKERS:-2}" RELEASE="$release"
status=0
run_in_root /checkout/deploy/debian/try-here.sh "${@:-tests/contract}" || status=$?
for file in table.md run.log results.xml pytest.log; do
  [ ! -e "$root/checkout/build/tried/$file" ] || cp "$root/checkout/build/tried/$file" "$kept/$release-$file"
done
exit "$status"

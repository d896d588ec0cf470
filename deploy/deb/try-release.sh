#!/bin/sh
# Build the package for a release and try it there: try-release.sh RELEASE (`make test-deb RELEASE=trixie`; root).
#
# In a minimal root of that release (deploy/debian/in-root.sh, with its settings): installed by apt, started by the unit's own command
# line, a zone pushed and asked for, upgraded, removed, purged; manuals and package looked at by mandoc and lintian (LINT=no: not).
set -eu
cd "$(dirname "$0")/../.."
release=${1:?which release? (bookworm, trixie)}
rm -f dist/directdnsonly_*.deb
deploy/deb/build.sh "$release"
export TAKE BRING="build/tried/deb-table.md build/tried/deb.log"
TAKE=$(echo dist/directdnsonly_*.deb)
exec deploy/debian/in-root.sh "$release" /checkout/deploy/deb/try-here.sh

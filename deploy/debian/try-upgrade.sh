#!/bin/sh
# Upgrade an installation from one release of Debian to the next ones: try-upgrade.sh FROM TO...
# (`make test-upgrade FROM=bookworm TO="trixie forky" ZONES=2000 BACKENDS="bind nsd knot"`)
#
# A minimal root of FROM; in it a service with bundled name servers that is given zones of every kind; what each name server
# serves is noted. Then, for each of TO: the service is stopped, `dadns check --against` says which zones would be lost, the
# root is upgraded in place by apt as a machine is, the environment is made anew, the service is started, and each zone must be
# served as before, or have been named (tests/upgrade). Needs root (or sudo without a password). Settings by environment: ZONES (2000), BACKENDS, and those of roots.sh.
set -eu
[ "$(id -u)" -eq 0 ] || exec sudo -n -E "$0" "$@"  # it makes a root folder, and mounts in it
cd "$(dirname "$0")/../.."
from=${1:?from which release? (bookworm)}
shift
. deploy/debian/roots.sh
make_root "$from"
mkdir "$root/sources"
for release in "$@"; do sources_of "$release" > "$root/sources/$release.list"; done
export ZONES="${ZONES:-2000}" BACKENDS="${BACKENDS:-bind nsd knot}" FROM="$from"
status=0
run_in_root /checkout/deploy/debian/upgrade-here.sh "$@" || status=$?
for file in table.md apt.log service.log; do
  [ ! -e "$root/upgraded/$file" ] || cp "$root/upgraded/$file" "$kept/upgrade-$file"
done
exit "$status"

#!/bin/sh
# Run a command in a minimal root of a release of Debian, with this checkout in /checkout: in-root.sh RELEASE COMMAND...
#
# Everything happens in namespaces and a folder of its own, as in try-release.sh. Needs root (or sudo without a password). The exit
# code is the command's. Settings by environment: WORKERS (2), those of roots.sh,
# TAKE (files of the checkout that git does not know and the command needs), BRING (what it leaves in /checkout, and is copied to
# build/debian/RELEASE-NAME).
set -eu
[ "$(id -u)" -eq 0 ] || exec sudo -n -E "$0" "$@"  # it makes a root folder, and mounts in it
cd "$(dirname "$0")/../.."
release=${1:?which release? (bookworm, trixie, forky)}
shift
. deploy/debian/roots.sh
make_root "$release"
for file in ${TAKE:-}; do
  [ ! -e "$file" ] || { mkdir -p "$root/checkout/$(dirname "$file")" && cp -p "$file" "$root/checkout/$file"; }
done
export WORKERS="${WORKERS:-2}" RELEASE="$release"
status=0
run_in_root "$@" || status=$?
for file in ${BRING:-}; do
  # shellcheck disable=SC2086 # a pattern of theirs
  for found in "$root"/checkout/$file; do
    [ ! -e "$found" ] || cp "$found" "$kept/$release-$(basename "$found")"
  done
done
exit "$status"

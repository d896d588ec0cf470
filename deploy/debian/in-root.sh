#!/bin/sh
# Run a command in a minimal root of a release of Debian, with this checkout in /checkout: in-root.sh RELEASE COMMAND...
#
# The root is made by mmdebstrap from the archive that this machine takes its packages from, and kept for a day in build/debian.
# Everything happens in mount and process namespaces of its own, in a folder of its own: nothing stays mounted and nothing goes on
# running, whatever ends this (after a kill -9 the folder stays). Needs root. The exit code is the command's.
# Settings by environment: DEBIAN_ARCHIVE, DEBIAN_SECURITY (addresses of archives, default: this machine's),
# TAKE (files of the checkout that git does not know and the command needs), BRING (what it leaves in /checkout, and is copied to
# build/debian/RELEASE-NAME), KEEP=1 (leave the root and tell where: deploy/debian/enter-root.sh gets into it).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
release=${1:?which release? (bookworm, trixie, forky)}
shift
[ "$(id -u)" -eq 0 ] || { echo "run this as root" >&2; exit 1; }
deploy/debian/install-tools.sh root

# Where apt finds the release of this machine is where it finds the others. $1: behind the release's name
archive_of() {
  # shellcheck disable=SC2016 # apt's own placeholder
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $VERSION_CODENAME$1" | head -n 1
}
VERSION_CODENAME=$(. /etc/os-release && echo "$VERSION_CODENAME")
archive=${DEBIAN_ARCHIVE:-$(archive_of "")} security=${DEBIAN_SECURITY:-$(archive_of -security)}
[ -n "$archive" ] || { echo "apt knows no archive of $VERSION_CODENAME: set DEBIAN_ARCHIVE" >&2; exit 1; }
sources="deb $archive $release main"
[ -z "$security" ] || sources="$sources
deb $security $release-security main"

# An archive that is kept as it was on some day has releases that have run out; this machine's apt knows whether that counts.
eval "$(apt-config shell UNTIL Acquire::Check-Valid-Until DATE Acquire::Check-Date)"

kept=build/debian
mkdir -p "$kept"
minimal=$kept/$release.tar
[ -n "$(find "$minimal" -mtime -1 2>/dev/null)" ] || {
  echo "Making a minimal $release ..."
  echo "$sources" | mmdebstrap --quiet --format=tar --variant=minbase --include=make,ca-certificates \
    --aptopt="Acquire::Check-Valid-Until \"${UNTIL:-true}\"" --aptopt="Acquire::Check-Date \"${DATE:-true}\"" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' "$release" "$minimal.new" -
  mv "$minimal.new" "$minimal"
}
root=$(mktemp -d "${TMPDIR:-/var/tmp}/dadns-$release-XXXXXX")
leave() {
  if [ -n "${KEEP:-}" ]; then
    echo "Kept: unshare --mount --propagation private --pid --fork --kill-child deploy/debian/enter-root.sh $root /bin/bash"
  else
    rm -rf --one-file-system "$root"
  fi
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$root"

tar -xf "$minimal" -C "$root"

# The checkout as it is here, with what is built already; and this machine's ways into the network.
mkdir "$root/checkout" "$root/host"
git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$root/checkout"
for file in build/coredns ${TAKE:-}; do
  [ ! -e "$file" ] || { mkdir -p "$root/checkout/$(dirname "$file")" && cp -p "$file" "$root/checkout/$file"; }
done
cat /etc/resolv.conf > "$root/etc/resolv.conf"
cat /etc/hosts > "$root/etc/hosts"
for file in "${PIP_CERT:-}" "${PIP_CONFIG_FILE:-/etc/pip.conf}"; do
  [ ! -r "$file" ] || cp "$file" "$root/host/"
done
[ -z "${PIP_CERT:-}" ] || export PIP_CERT="/host/$(basename "$PIP_CERT")"
PIP_CONFIG_FILE=/host/$(basename "${PIP_CONFIG_FILE:-/etc/pip.conf}")
export PIP_CONFIG_FILE WORKERS="${WORKERS:-2}" RELEASE="$release" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset PIP_FIND_LINKS VIRTUAL_ENV PYTHONPATH PYTHON DADNS_CONFIG SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE

# In a process group of its own (an interrupt must not be ignored in it, as it is behind a plain `&`), and never without us.
set -m
setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child "$here/enter-root.sh" "$root" "$@" &
inside=$!
set +m
trap 'kill -KILL "$inside"; exit 130' INT
trap 'kill -KILL "$inside"; exit 143' TERM
status=0
wait "$inside" || status=$?
for file in ${BRING:-}; do
  # shellcheck disable=SC2086 # a pattern of theirs
  for found in "$root"/checkout/$file; do
    [ ! -e "$found" ] || cp "$found" "$kept/$release-$(basename "$found")"
  done
done
exit "$status"

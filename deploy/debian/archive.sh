# Debian's releases from the archive that this machine takes its packages from; read by other scripts: `. archive.sh`.
# Settings by environment: DEBIAN_ARCHIVE, DEBIAN_SECURITY (addresses, default: those that apt knows here).
# shellcheck shell=sh
# Where apt finds the release of this machine is where it finds the others. $1: behind the release's name
archive_of() {
  # shellcheck disable=SC2016 # apt's own placeholder
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $VERSION_CODENAME$1" | head -n 1
}
VERSION_CODENAME=$(. /etc/os-release && echo "$VERSION_CODENAME")
archive=${DEBIAN_ARCHIVE:-$(archive_of "")} security=${DEBIAN_SECURITY:-$(archive_of -security)}
[ -n "$archive" ] || { echo "apt knows no archive of $VERSION_CODENAME: set DEBIAN_ARCHIVE" >&2; exit 1; }

# An archive that is kept as it was on some day has releases that have run out; this machine's apt knows whether that counts.
eval "$(apt-config shell UNTIL Acquire::Check-Valid-Until DATE Acquire::Check-Date)"

# Lines of sources.list. $1: release
sources_of() {
  echo "deb $archive $1 main"
  [ -z "$security" ] || echo "deb $security $1-security main"
}

# The smallest root of a release, without manuals, as a tar. $1: release, $2: file, or - ; then mmdebstrap's options
minimal_tar() {
  release=$1 tar=$2
  shift 2
  sources_of "$release" | mmdebstrap --quiet --format=tar --variant=minbase \
    --aptopt="Acquire::Check-Valid-Until \"${UNTIL:-true}\"" --aptopt="Acquire::Check-Date \"${DATE:-true}\"" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' "$@" "$release" "$tar" -
}

#!/bin/sh
# Build the image directdnsonly:VERSION (and :latest). Settings by environment, all optional:
#   BASE                 base image, debian:trixie-slim; where it cannot be pulled a stand-in is made by mmdebstrap
#   DEBIAN_MIRROR        scheme and host of a Debian mirror
#   PIP_CONF, CA_BUNDLE  files: pip's configuration, certificates to believe; build secrets, they stay in no layer.
#                        Default: what pip uses on this machine (/etc/pip.conf, PIP_CERT)
# Arguments are passed on to the build (`deploy/container/build.sh --network host`).
set -eu
cd "$(dirname "$0")/../.."
engine=$(deploy/container/engine.sh)
if [ "$engine" = podman ]; then
  deploy/debian/install-tools.sh image
  [ -d /run/systemd/system ] || export CONTAINERS_CONF="$PWD/deploy/container/podman-without-systemd.conf"
fi
base=${BASE:-debian:trixie-slim}
if ! "$engine" image inspect "$base" >/dev/null 2>&1 && ! "$engine" pull -q "$base" >/dev/null 2>&1; then
  base=localhost/debian-stand-in:trixie
  if ! "$engine" image inspect "$base" >/dev/null 2>&1; then
    echo "The base image cannot be pulled; making a stand-in of the same packages ..."
    deploy/debian/install-tools.sh image
    . deploy/debian/archive.sh
    minimal_tar trixie - --dpkgopt='path-exclude=/usr/share/locale/*' | "$engine" import - "$base" >/dev/null
  fi
fi
CA_BUNDLE=${CA_BUNDLE:-${PIP_CERT:-}}
[ -n "${PIP_CONF:-}" ] || [ ! -e /etc/pip.conf ] || PIP_CONF=/etc/pip.conf
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' src/directdnsonly/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || true)
set -- "$@" --build-arg "BASE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision"
[ -z "${DEBIAN_MIRROR:-}" ] || set -- "$@" --build-arg "DEBIAN_MIRROR=$DEBIAN_MIRROR"
[ -z "${PIP_CONF:-}" ] || set -- "$@" --secret "id=pip_conf,src=$PIP_CONF"
[ -z "${CA_BUNDLE:-}" ] || set -- "$@" --secret "id=ca,src=$CA_BUNDLE"
if [ "$engine" = podman ]; then
  # docker's image format, because the other one has no health check; chroot, because it works inside a container too
  set -- "$@" --format docker --pull=never --network host --isolation chroot
else
  export DOCKER_BUILDKIT=1
fi
"$engine" build -t "directdnsonly:$version" -t directdnsonly:latest "$@" .
"$engine" image inspect --format '{{.Size}}' directdnsonly:latest | awk -v name="directdnsonly:$version" -v base="$base" \
  '{printf "%s: %.0f MB, on %s\n", name, $1 / 1e6, base}'

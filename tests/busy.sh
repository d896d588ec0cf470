#!/bin/sh
# Run a command while other processes keep every processor busy, as on a machine that has more to do than to test us.
#
#   tests/busy.sh make test
#   tests/busy.sh -n 4 .venv/bin/python -m pytest -q tests/unit
#
# Its exit code is the command's. The busy ones (8, or -n) end with it, however that ends: each looks whether we are there.
set -eu

number=8
while getopts n: option; do
    case $option in
    n) number=$OPTARG ;;
    *) echo "usage: $0 [-n NUMBER] COMMAND..." >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "usage: $0 [-n NUMBER] COMMAND..." >&2; exit 2; }

busy() {
    while kill -0 "$1" 2>/dev/null; do
        turn=0
        while [ "$turn" -lt 200000 ]; do turn=$((turn + 1)); done
    done
}

pids=
trap 'kill $pids 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
while [ "$number" -gt 0 ]; do
    busy $$ &
    pids="$pids $!"
    number=$((number - 1))
done
"$@"

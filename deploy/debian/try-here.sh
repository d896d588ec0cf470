#!/bin/sh
# What try-release.sh does inside of the root: the first lines of README, then the tests that are given, then a table.
# Leaves build/tried/table.md, run.log, pytest.log and results.xml.
set -u
cd "$(dirname "$0")/../.."
out=build/tried
mkdir -p "$out"
say() { printf '%s\n' "$*" | tee -a "$out/table.md"; }
python=.venv/bin/python

begun=$(date +%s)
apt-get -qq update
: >"$out/run.log"
(exec make run) >"$out/run.log" 2>&1 &
service=$!
until grep -q 'service.started' "$out/run.log" || ! kill -0 "$service" 2>/dev/null; do sleep 0.5; done
ready=$(($(date +%s) - begun))
pushed=$(.venv/bin/dadns push docs/examples/example.com.zone 2>&1)
found=$(dig @127.0.0.1 -p 5300 www.example.com A +short 2>&1)
kill -TERM "$service"
wait "$service" 2>/dev/null  # make's own exit code says that it was killed, the log how the service ended
grep -q '"service.stopped"' "$out/run.log" && stopped=stopped || stopped="not stopped cleanly"
case "$pushed" in *"proven by every name server"*) proven=proven ;; *) proven="not proven: $pushed" ;; esac

first() { "$@" 2>&1 | head -n 1 | sed 's/ (\(Stable\|Extended Support\) .*//; s/ from Debian.*//; s/.*Server \(.*\) (C).*/\1/' | tr '|' ' '; }
say "| $RELEASE | |"
say "|---|---|"
say "| \`make run\` to ready | $ready s, packages included |"
say "| push of README | $proven |"
say "| dig of README | $found |"
[ "$proven" = proven ] && [ "$found" = 192.0.2.10 ] && [ "$stopped" = stopped ] || { tail -n 40 "$out/run.log"; say "| \`make run\` | failed ($stopped) |"; exit 1; }

case "$*" in *tests/[!c]* | tests | *" tests") tools=test ;; *) tools=contract ;; esac
{ deploy/debian/install-tools.sh "$tools" && make -s .venv/.dev; } >"$out/tools.log" 2>&1 || { tail -n 20 "$out/tools.log"; exit 1; }
[ "$tools" = contract ] || git init -q .  # some tests ask git which files belong to the checkout
say "| Python | $(first $python --version) |"
say "| BIND | $(first named -v) |"
say "| NSD | $(first nsd -v) |"
say "| Knot | $(first knotd --version) |"
say "| PowerDNS | $(pdns_server --version 2>&1 | sed -n "s/.*Server \([0-9][0-9.]*\) .*/\1/p" | head -n 1) |"
say "| MariaDB | $(first mariadbd --version) |"
[ "$tools" = contract ] || say "| nginx, Caddy | $(first nginx -v), $(first caddy version) |"

begun=$(date +%s)
status=0
CI=true nice -n 10 "$python" -m pytest -q -n "$WORKERS" --dist loadfile --junitxml="$out/results.xml" "$@" >"$out/pytest.log" 2>&1 || status=$?
grep -E '^(FAILED|ERROR)' "$out/pytest.log" || true
"$python" deploy/debian/count_results.py "$out/results.xml" | while read -r line; do say "$line"; done
say "| time of these | $(($(date +%s) - begun)) s |"
exit "$status"

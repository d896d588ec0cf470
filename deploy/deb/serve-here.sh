#!/bin/sh
# In a network of our own: start the service by the unit's command line, as its user, in its folder, with its one capability.
#   serve-here.sh push   push a zone and ask for it on port 53; serve-here.sh ask   only ask
set -eu
out=/checkout/build/tried
ip link set lo up
unit=$(dpkg -L directdnsonly | grep '^\(/usr\)\?/lib/systemd/system/directdnsonly\.service$')
command=$(sed -n 's/^ExecStart=//p' "$unit")
user=$(sed -n 's/^User=//p' "$unit")
cd "$(sed -n 's/^WorkingDirectory=//p' "$unit")"
begun=$(date +%s%N)
# shellcheck disable=SC2086 # its words
setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all,+net_bind_service \
  --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service $command > "$out/service.log" 2>&1 &
service=$!
wrong() { cat "$out/service.log"; echo "$*"; kill "$service" 2>/dev/null || true; exit 1; }
tries=0
until dadns status >/dev/null 2>&1; do
  tries=$((tries + 1))
  kill -0 "$service" 2>/dev/null && [ "$tries" -lt 120 ] || wrong "it does not become ready: $(dadns status 2>&1)"
  sleep 0.5
done
ready=$((($(date +%s%N) - begun) / 1000000))
[ "$1" = ask ] || dadns push /checkout/docs/examples/example.com.zone || wrong "the push was not proven"
answer=$(dig @127.0.0.1 www.example.com A +short)
[ "$answer" = 192.0.2.10 ] || wrong "dig: $answer"
echo "ready after $ready ms, proven, $answer from port 53, as $(stat -c %U "/proc/$service")" | tee "$out/deb-served"
kill -TERM "$service"
wait "$service" || wrong "it did not end cleanly"
dadns nameservers stop || wrong "its name server cannot be ended"
! pidof named || { echo "named runs on"; exit 1; }

#!/bin/sh
# Python 3.14.8 (Debian testing): a signal that comes while a C function runs which was called with keyword arguments is noted,
# but its handler does not run when that call returns. 3.11 (and 3.14 after a call without keywords) runs it at once.
#
# Done:     an alarm after 0.2 s of processor time; a call of `sum(range(...), start=0)` that is still busy then; after it `time.sleep(2)`.
# Seen:     the handler runs only when the sleep is over, two seconds after the call has returned: `sleep` does not end early,
#           because the signal came before it. With `sum(range(...), 0)` the handler runs as soon as the call returns.
# Expected: the same for both: the handler runs "at the next possible opportunity" (the page of the module signal), and PEP 475
#           lets a sleep that a signal meets go on, but this one was there before.
# Matters:  a worker that prints with `flush=True` and then sleeps misses Ctrl-C in that moment, for as long as it sleeps.
# Way out:  the last C call before a long wait without keyword arguments; in asyncio a handler of the loop, which wakes it.
# Needs:    apt and an archive of Debian with the release forky (amd64); 40 MB; the interpreter comes into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 "$folder"
name=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt's own placeholder
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $name" | head -n 1)
[ -n "$archive" ] || { echo "apt knows no archive of $name here"; exit 1; }
mkdir -p state/lists/partial cache/archives/partial
touch state/status
echo "deb [signed-by=$(ls /usr/share/keyrings/debian-archive-keyring.* | head -n 1)] $archive forky main" >sources.list
ours() {
    apt-get -q -o Dir::State="$folder/state" -o Dir::State::status="$folder/state/status" -o Dir::Cache="$folder/cache" \
        -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false "$@"
}
ours update >log 2>&1 || { cat log; exit 1; }
ours download python3.14-minimal libpython3.14-minimal libpython3.14-stdlib libc6 libexpat1 zlib1g >log 2>&1 || { cat log; exit 1; }
for package in ./*.deb; do dpkg-deb -x "$package" root; done
cat >seen.py <<'PYTHON'
import signal
import sys
import time

ran_at = 0.0


def note(*_):
    global ran_at
    ran_at = time.monotonic()


def late_s(call):
    """How long after the call has returned the handler ran. The alarm comes by processor time, so a busy machine changes nothing."""
    signal.signal(signal.SIGVTALRM, note)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.2)
    returned_at = call() - 2
    return ran_at - returned_at


def by_keyword():
    sum(range(60_000_000), start=0)
    time.sleep(2)
    return time.monotonic()


def by_position():
    sum(range(60_000_000), 0)
    time.sleep(2)
    return time.monotonic()


answers = ["at once" if late_s(call) < 1 else "after the sleep" for call in (by_position, by_keyword)]
print(sys.version.split()[0], ", ".join(answers))
PYTHON
loader=$(find root -name 'ld-linux-x86-64.so.2' | head -n 1)
paths=$(find root -name '*.so*' -type f -o -name '*.so*' -type l | xargs -n 1 dirname | sort -u | tr '\n' ':')
seen=$(PYTHONHOME="$folder/root/usr" "$loader" --library-path "$paths" root/usr/bin/python3.14 seen.py)
echo "$seen"
case $seen in "3.14."*" at once, after the sleep") ;; *) exit 1 ;; esac

#!/bin/sh
# Python 3.11.2 (Debian 12's): `asyncio.timeout` in the clean-up of a task that is being cancelled ends with CancelledError
# instead of TimeoutError. 3.11.7, 3.12.1 and 3.13.0 raise TimeoutError.
#
# Done:     a task is cancelled; its `finally` waits for something under `asyncio.timeout(0.2)` and catches TimeoutError.
# Seen:     the wait ends after 0.2 s, yet by CancelledError: whatever `except TimeoutError` was to do (kill a child that does not
#           end, say) is passed over, and the task ends as if nothing had been asked.
# Expected: TimeoutError, as the page of asyncio.timeout says of a block whose time has run out.
# Way out:  in clean-up that may run while cancelled: `asyncio.wait({future}, timeout=...)`, which raises neither.
# Needs:    apt on Debian 12 (amd64, arm64); the interpreter is taken from its packages, into a temporary folder.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 "$folder"
version=$(apt-cache madison python3.11-minimal | awk '$3 ~ /^3\.11\.2-6/ { print $3; exit }')
[ -n "$version" ] || { echo "apt knows no python3.11 3.11.2-6 here"; exit 1; }
apt-get -q -o APT::Sandbox::User=root download \
    "python3.11-minimal=$version" "libpython3.11-minimal=$version" "libpython3.11-stdlib=$version" >log 2>&1 || { cat log; exit 1; }
for package in ./*.deb; do dpkg-deb -x "$package" root; done
cat >seen.py <<'PYTHON'
import asyncio
import sys


async def cleanup(told: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        try:
            async with asyncio.timeout(0.2):
                await asyncio.sleep(60)
        except TimeoutError:
            told.append("TimeoutError")
        except asyncio.CancelledError:
            told.append("CancelledError")
            raise


async def main() -> None:
    told: list[str] = []
    task = asyncio.create_task(cleanup(told))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait({task})
    print(sys.version.split()[0], *told)


asyncio.run(main())
PYTHON
seen=$(PYTHONHOME="$folder/root/usr" root/usr/bin/python3.11 seen.py)
echo "$seen"
[ "$seen" = "3.11.2 CancelledError" ]

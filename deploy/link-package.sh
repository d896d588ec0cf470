#!/bin/sh
# Make the checkout importable in .venv and give it its command, without a build: a path file and a script.
set -eu
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s/src\n' "$PWD" > "$site/directdnsonly-checkout.pth"
deploy/write-command.sh "$PWD/.venv/bin/python" "make run" > .venv/bin/dadns
chmod +x .venv/bin/dadns

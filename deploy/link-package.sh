#!/bin/sh
# Make the checkout importable in .venv and give it its commands, without a build: a path file and two scripts.
set -eu
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s/src\n' "$PWD" > "$site/directdnsonly-checkout.pth"
deploy/write-command.sh "$PWD/.venv/bin/python" "make run" > .venv/bin/dadns
deploy/write-command.sh "$PWD/.venv/bin/python" "make run" serve > .venv/bin/directdnsonly
chmod +x .venv/bin/dadns .venv/bin/directdnsonly

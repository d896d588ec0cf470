#!/bin/sh
# Print a Python that is 3.11 or newer and really runs (a shim on the PATH may not).
for python in python3 python3.14 python3.13 python3.12 python3.11; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    command -v "$python"
    exit 0
  fi
done
echo "Python 3.11 or newer is needed (Debian 12: apt-get install python3 python3-venv)" >&2
exit 1

#!/bin/sh
# Print a Python that is 3.11 or newer and really runs (a shim on the PATH may not): $PYTHON where it is given, then
# Debian's own, then what the PATH has; one that can make an environment (python3-venv) before one that cannot. Debian's own
# gets Debian's security updates, and it is built with profiles: a push costs it a tenth to a fifth less than a Python that
# was compiled without them.
for needs in "import ensurepip, venv" ""; do
  for python in ${PYTHON:-} /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c "import sys
$needs
sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
      command -v "$python"
      exit 0
    fi
  done
done
echo "Python 3.11 or newer is needed (Debian 12: apt-get install python3 python3-venv)" >&2
exit 1

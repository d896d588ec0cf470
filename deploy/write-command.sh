#!/bin/sh
# Print the command `dadns`: write-command.sh PYTHON CURE [ENTRY]; with the entry `serve` it is `directdnsonly`. When an upgrade has put another Python below the environment, its packages
# are not found: then it says what to do (CURE), and ends with the code that the service manager does not answer with a restart.
set -eu
cat <<TEXT
#!$1
import importlib.util
import sys

if importlib.util.find_spec("directdnsonly") is None:
    version = "%d.%d" % sys.version_info[:2]
    sys.stderr.write("dadns: the Python of this environment is %s now, and its packages are another one's; run:  $2\n" % version)
    sys.exit(2)
from directdnsonly.cli import ${3:-main}

if __name__ == "__main__":
    ${3:-main}()
TEXT

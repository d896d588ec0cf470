#!/bin/sh
# Take out of an environment what a package does not ship: tidy.sh ENVIRONMENT. Commands of the libraries, records that would name
# files that are gone, bytecode (made at installation).
set -eu
home=$1
find "$home/bin" -mindepth 1 ! -name 'python*' -delete
rm -rf "$home/share" "$home/include" "$home/.gitignore"
find "$home/lib" -name __pycache__ -prune -type d -exec rm -rf {} +
find "$home/lib" -path '*.dist-info/*' \( -name RECORD -o -name direct_url.json -o -name REQUESTED -o -name INSTALLER \) -delete
find "$home/lib" \( -name '*.pyi' -o -name .gitignore \) -type f -delete
# Wheels carry files that anybody may execute, or that only their maker may read.
find "$home" -type f ! -path '*/bin/*' -exec chmod 644 {} +
find "$home" \( -type d -o -type f -name '*.sh' \) -exec chmod 755 {} +

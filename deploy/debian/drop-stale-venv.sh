#!/bin/sh
# Remove ./.venv when its packages are not those of the Python that it runs on: after an upgrade of Debian .venv/bin/python is
# another version, which does not look into the folder of the old one. make then makes it anew; config/ and data/ stay.
[ -d .venv ] || exit 0
version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
[ -n "$version" ] && [ -d ".venv/lib/python$version" ] && exit 0
echo ".venv was made for another Python than ${version:-the one that is gone}: it is made anew" >&2
rm -rf .venv

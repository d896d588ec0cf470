#!/bin/sh
# Build the Debian package for a release into dist/ (or $OUT): build.sh RELEASE (`make deb RELEASE=trixie`; root).
#
# The wheel is this machine's; the environment is made in a minimal root of the release (deploy/debian/in-root.sh), by the Python
# that will run it, from requirements.lock. DEB_VERSION: another version than the wheel's (`make test-deb` upgrades to one).
set -eu
cd "$(dirname "$0")/../.."
release=${1:?which release? (bookworm, trixie)}
python=.venv/bin/python
rm -rf build/deb
out=${OUT:-dist}
mkdir -p build/deb "$out"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 315532800)
export SOURCE_DATE_EPOCH
$python -m hatchling build -t wheel -d "$PWD/build/deb" >/dev/null 2>&1 || $python -m hatchling build -t wheel -d "$PWD/build/deb"
rm -f "build/debian/$release"-*.deb
TAKE=$(echo build/deb/*.whl) BRING="build/deb/*.deb" deploy/debian/in-root.sh "$release" /checkout/deploy/deb/build-here.sh
for file in "build/debian/$release"-*.deb; do
  name=$(basename "$file")
  mv "$file" "$out/${name#"$release"-}"
  ls -l "$out/${name#"$release"-}" | awk '{printf "%8.0f KiB  %s\n", $5 / 1024, $9}'
done

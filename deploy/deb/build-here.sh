#!/bin/sh
# What build.sh does inside of the root, where it may write to the places that the package will have: leaves build/deb/*.deb.
set -eu
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1
log=build/deb/build.log
quietly() { "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }; }
quietly apt-get -qq update
quietly apt-get -qq install -y --no-install-recommends python3 python3-venv
wheel=$(echo build/deb/*.whl)
home=/usr/lib/directdnsonly
debian=$(. /etc/os-release && echo "${VERSION_ID:-14}")

# At its own place, without pip: nothing is installed into it afterwards.
quietly python3 -m venv --without-pip "$home"
quietly python3 -m venv build/deb/builder
quietly build/deb/builder/bin/pip --python "$home/bin/python3" install --no-compile --only-binary :all: --require-hashes -r requirements.lock
quietly build/deb/builder/bin/pip --python "$home/bin/python3" install --no-compile --no-deps "$wheel"
deploy/deb/tidy.sh "$home"
cure="apt-get install the directdnsonly that was built for this release of Debian"
deploy/write-command.sh "$home/bin/python3" "$cure" > "$home/bin/dadns"
deploy/write-command.sh "$home/bin/python3" "$cure" serve > "$home/bin/directdnsonly"
chmod 755 "$home/bin/dadns" "$home/bin/directdnsonly"

stage=build/deb/stage
mkdir -p "$stage/usr/lib"
cp -a "$home" "$stage/usr/lib/"
python3 deploy/deb/stage.py "$stage" "$debian" "${DEB_VERSION:-}"
file=build/deb/$(sed -n 's/^Package: //p' "$stage/DEBIAN/control")_$(sed -n 's/^Version: //p' "$stage/DEBIAN/control")_$(dpkg --print-architecture).deb
quietly dpkg-deb --root-owner-group -Zxz --build "$stage" "$file"

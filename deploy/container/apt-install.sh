#!/bin/sh
# Inside the image's build: install Debian packages and nothing else; leave no lists, manuals or started services.
# DEBIAN_MIRROR (no path) replaces Debian's own hosts; /run/secrets/ca is believed for a mirror over TLS.
set -eu
options="-o Acquire::Retries=3"
if [ -e /run/secrets/ca ]; then options="$options -o Acquire::https::CAInfo=/run/secrets/ca"; fi
if [ -n "${DEBIAN_MIRROR:-}" ]; then
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  {
    echo "deb $DEBIAN_MIRROR/debian $release main"
    echo "deb $DEBIAN_MIRROR/debian $release-updates main"
    echo "deb $DEBIAN_MIRROR/debian-security $release-security main"
  } > /tmp/mirror.list
  options="$options -o Dir::Etc::sourcelist=/tmp/mirror.list -o Dir::Etc::sourceparts=-"
fi
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
printf 'path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' > /etc/dpkg/dpkg.cfg.d/no-manuals
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # options are words
apt-get -qq $options update
# shellcheck disable=SC2086
apt-get -qq $options install -y --no-install-recommends "$@" > /tmp/apt.log 2>&1 || { cat /tmp/apt.log >&2; exit 1; }
apt-get -qq clean
rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /usr/sbin/policy-rc.d /tmp/apt.log /tmp/mirror.list

#!/bin/sh
# Install or upgrade DirectDNSOnly as a systemd service on Debian 12 or newer, as root, from the unpacked sdist:
#   deploy/systemd/install.sh directdnsonly-VERSION-py3-none-any.whl
#
# Each version gets a folder of its own, /opt/directdnsonly-VERSION; /opt/directdnsonly points to the one in use, so that
# the way back is one `ln -sfn` and a restart. Configuration and data are never touched once they are there.
set -eu
wheel=${1:?which wheel? \`make dist\` makes one in dist/}
here=$(cd "$(dirname "$0")" && pwd)
lock=$here/../../requirements.lock
[ "$(id -u)" -eq 0 ] || { echo "run this as root" >&2; exit 1; }
version=$(basename "$wheel" | cut -d- -f2)
home=/opt/directdnsonly-$version

missing="" ours=""
command -v named >/dev/null || { missing="$missing bind9"; ours=named; }
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
  # Debian starts a name server as soon as it is installed; ours is another process.
  [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }
  export DEBIAN_FRONTEND=noninteractive
  apt="apt-get -q -o DPkg::Lock::Timeout=900"
  # shellcheck disable=SC2086 # words
  $apt install -y --no-install-recommends $missing || { $apt update && $apt install -y --no-install-recommends $missing; }
fi

echo "Installing $version into $home ..."
rm -rf "$home.new"
python3 -m venv "$home.new"
"$home.new/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
"$home.new/bin/pip" install --quiet --disable-pip-version-check --no-deps "$wheel"
# What is needed to do this again: an upgrade of Debian brings another Python, and then the command says so.
again=$home.new/again
mkdir -p "$again"
cp -R "$here/.." "$again/deploy"
cp "$lock" "$wheel" "$again/"
again=$home/again
cure="$again/deploy/systemd/install.sh $again/$(basename "$wheel")"
"$here/../write-command.sh" "$home/bin/python3" "$cure" > "$home.new/bin/dadns"
"$here/../write-command.sh" "$home/bin/python3" "$cure" serve > "$home.new/bin/directdnsonly"
rm -rf "$home"
mv "$home.new" "$home"
"$home/bin/python3" -m compileall -q "$home/lib"
ln -sfn "$home" /opt/directdnsonly
ln -sfn /opt/directdnsonly/bin/dadns /usr/local/bin/dadns
ln -sfn /opt/directdnsonly/bin/directdnsonly /usr/local/bin/directdnsonly

install -D -m 644 "$here/sysusers.conf" /usr/lib/sysusers.d/directdnsonly.conf
install -D -m 644 "$here/tmpfiles.conf" /usr/lib/tmpfiles.d/directdnsonly.conf
install -D -m 644 "$here/directdnsonly.service" /etc/systemd/system/directdnsonly.service
systemd-sysusers /usr/lib/sysusers.d/directdnsonly.conf
systemd-tmpfiles --create /usr/lib/tmpfiles.d/directdnsonly.conf
if [ ! -e /etc/directdnsonly/app.yml ]; then
  "$here/write-config.sh" "$here/app.yml" /etc/directdnsonly/app.yml
  systemd-tmpfiles --create /usr/lib/tmpfiles.d/directdnsonly.conf
fi
# Debian's profile of named allows its own folders only.
install -d -m 750 -o directdnsonly -g directdnsonly /var/lib/directdnsonly
"$here/../apparmor/allow-named.sh" /var/lib/directdnsonly

# Only a named that came with us just now is switched off: one that was here before may serve zones of its own.
[ -z "$ours" ] || systemctl disable "$ours" 2>/dev/null || true
systemctl enable directdnsonly
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if systemctl -q is-active named; then
    echo "named runs already and holds port 53. Either let it serve our zones (managed: false in app.yml, docs/backends/bind.md),"
    echo "or stop it for good (systemctl disable --now named)."
  fi
  systemctl restart directdnsonly  # the name servers serve on, and are adopted
fi
echo "Done: dadns status --config /etc/directdnsonly/app.yml"

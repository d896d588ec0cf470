#!/bin/sh
# Install by apt what is missing: install-tools.sh run|servers|test|contract|image|machine|root. Does nothing when everything is there.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
wanted="python:ensurepip named:bind9 named-checkzone:bind9-utils dig:bind9-dnsutils"
servers=no
case "${1:-run}" in test | contract) servers=yes ;; esac  # contract: without proxies, browser and the like
case "${1:-run}" in test | contract | servers) wanted="$wanted nsd:nsd knotd:knot kzonecheck:knot-dnssecutils openssl:openssl" ;; esac
[ $servers = yes ] && wanted="$wanted mariadbd:mariadb-server-core pdns_server:pdns-server"
# PowerDNS's back ends and Galera are no programs: their folders tell whether they are there.
[ $servers = yes ] && { [ -e /usr/lib/galera/libgalera_smm.so ] || wanted="$wanted :galera-4"; }
[ $servers = yes ] && for backend in sqlite3 mysql; do
  [ -d /usr/share/pdns-backend-$backend ] || wanted="$wanted :pdns-backend-$backend"
done
[ "${1:-run}" = test ] && wanted="$wanted nginx:nginx-light caddy:caddy systemd-analyze:systemd ip:iproute2 git:git curl:curl groff:groff-base apparmor_parser:apparmor chromium-headless-shell:chromium-headless-shell"
# netavark and aardvark-dns lie outside of the PATH: they come with podman
[ "${1:-run}" = image ] && wanted="podman:podman podman:netavark podman:aardvark-dns runc:runc conmon:conmon iptables:iptables mmdebstrap:mmdebstrap"
[ "${1:-run}" = machine ] && wanted="systemd-nspawn:systemd-container mmdebstrap:mmdebstrap"
[ "${1:-run}" = root ] && wanted="mmdebstrap:mmdebstrap"
missing=""
for pair in $wanted; do
  program=${pair%%:*} package=${pair#*:}
  if [ "$package" = ensurepip ]; then
    python=$("$(dirname "$0")/find-python.sh" 2>/dev/null || true)
    if [ -z "$python" ]; then missing="$missing python3 python3-venv"
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then missing="$missing python3-venv"; fi
  elif ! command -v "$program" >/dev/null; then
    missing="$missing $package"
  fi
done
[ -n "$missing" ] || exit 0
sudo=""
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true 2>/dev/null; then sudo=sudo; else
    echo "These Debian packages are missing:$missing" >&2
    echo "Install them, then run this again:  sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
fi
echo "Installing:$missing"
# The packages must not start name servers of their own on port 53.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
  $sudo chmod 755 "$policy"
  trap '$sudo rm -f "$policy"' EXIT INT TERM
fi
export DEBIAN_FRONTEND=noninteractive
apt="$sudo apt-get -o DPkg::Lock::Timeout=900 -qq"
$apt install -y --no-install-recommends $missing >/dev/null 2>&1 || { $apt update && $apt install -y --no-install-recommends $missing >/dev/null; }

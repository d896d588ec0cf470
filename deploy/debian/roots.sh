# Roots of other releases of Debian, for try-release.sh and try-upgrade.sh, which read this file: `. roots.sh`. In the
# checkout's folder. Settings by environment: those of archive.sh, and KEEP=1 (leave the root and tell where).
# shellcheck shell=sh
deploy/debian/install-tools.sh root
kept=build/debian
mkdir -p "$kept"

. deploy/debian/archive.sh

# Sets $minimal: a tar of the smallest root, kept for a day. $1: release
make_minimal() {
  minimal=$kept/$1.tar
  [ -z "$(find "$minimal" -mtime -1 2>/dev/null)" ] || return 0
  echo "Making a minimal $1 ..."
  minimal_tar "$1" "$minimal.new.$$" --include=make,ca-certificates
  mv "$minimal.new.$$" "$minimal"
}

# What one root has downloaded by apt or pip, the next need not: for a day in $kept, and within a run of CI.
find "$kept/archives" -name '*.deb' -mtime +1 -delete 2>/dev/null || true
mkdir -p "$kept/archives" "$kept/pip"
cached=/var/cache/apt/archives

leave_root() {
  [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$kept"
  cp -n "$root$cached"/*.deb "$kept/archives/" 2>/dev/null || true
  if [ -n "${KEEP:-}" ]; then
    echo "Kept: unshare --mount --propagation private --pid --fork --kill-child deploy/debian/enter-root.sh $root /bin/bash"
  else
    rm -rf --one-file-system "$root"
  fi
}

# Sets $root: a folder with that release, this checkout as it is (with what is built already), and this machine's ways into
# the network. $1: release
make_root() {
  make_minimal "$1"
  root=$(mktemp -d "${TMPDIR:-/var/tmp}/dadns-$1-XXXXXX")
  trap leave_root EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  chmod 755 "$root"
  tar -xf "$minimal" -C "$root"
  cp -l "$kept"/archives/*.deb "$root$cached/" 2>/dev/null || cp "$kept"/archives/*.deb "$root$cached/" 2>/dev/null || true
  mkdir "$root/checkout" "$root/host" "$root/host/pip"
  git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$root/checkout"
  [ ! -x build/coredns ] || { mkdir -p "$root/checkout/build" && cp -p build/coredns "$root/checkout/build/"; }
  cat /etc/resolv.conf > "$root/etc/resolv.conf"
  cat /etc/hosts > "$root/etc/hosts"
  for file in "${PIP_CERT:-}" "${PIP_CONFIG_FILE:-/etc/pip.conf}"; do
    [ ! -r "$file" ] || cp "$file" "$root/host/"
  done
}

# Run a command in $root, in namespaces of its own; its exit code. Last of all, since nothing of ours is believed afterwards.
run_in_root() {
  [ -z "${PIP_CERT:-}" ] || export PIP_CERT="/host/$(basename "$PIP_CERT")"
  PIP_CONFIG_FILE=/host/$(basename "${PIP_CONFIG_FILE:-/etc/pip.conf}")
  export PIP_CONFIG_FILE PIP_CACHE_DIR=/host/pip SHARED="$PWD/$kept/pip" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  unset TMPDIR PIP_FIND_LINKS VIRTUAL_ENV PYTHONPATH PYTHON PYTHONDONTWRITEBYTECODE DADNS_CONFIG SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  # In a session of its own, never without us; an interrupt must not be ignored in it, as it is behind a plain `&`.
  env --default-signal=INT,QUIT setsid setpriv --pdeathsig KILL \
    unshare --mount --propagation private --pid --fork --kill-child "$PWD/deploy/debian/enter-root.sh" "$root" "$@" &
  inside=$!
  trap 'kill -KILL "$inside"; exit 130' INT
  trap 'kill -KILL "$inside"; exit 143' TERM
  status=0
  wait "$inside" || status=$?
  return "$status"
}

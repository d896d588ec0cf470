#!/bin/sh
# What try-upgrade.sh does inside of the root. Leaves /upgraded/table.md, apt.log and service.log.
set -eu
cd "$(dirname "$0")/../.."
out=/upgraded
folder=/srv/directdnsonly
mkdir -p "$out"
python=.venv/bin/python
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d  # no package starts a name server of its own
chmod 755 /usr/sbin/policy-rc.d

say() { printf '%s\n' "$*" | tee -a "$out/table.md"; }
logged() { "$@" >>"$out/apt.log" 2>&1 || { tail -n 30 "$out/apt.log"; echo "failed: $*"; exit 1; }; }
told() {
  status=0
  $python -m tests.upgrade "$@" > "$out/told" || status=$?
  tee -a "$out/table.md" < "$out/told"
  cp "$folder/log" "$out/service.log" 2>/dev/null || true
  return "$status"
}
versions() {
  named -v | sed 's/^BIND \([0-9.]*\).*/BIND \1/'
  nsd -v 2>&1 | sed -n 's/^NSD version \(.*\)/NSD \1/p'
  knotd --version | sed -n 's/.*Knot DNS.* \([0-9][0-9.]*\)$/Knot \1/p'
  python3 --version
}
number_of() { . /etc/os-release; echo "${VERSION_ID:-14}"; }  # testing has no number yet

logged apt-get -qq update
logged deploy/debian/install-tools.sh servers
logged make -s .venv/.run
say "| $FROM | $(versions | paste -sd , | sed 's/,/, /g') |"
say "|---|---|"
# shellcheck disable=SC2086 # words
told fill "$folder" "$ZONES" $BACKENDS
for release in "$@"; do
  case "$release" in trixie) number=13 ;; forky) number=14 ;; *) number=$(number_of) ;; esac
  told judge "$folder" "debian-$number"
  begun=$(date +%s)
  rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
  cp "/sources/$release.list" /etc/apt/sources.list.d/
  logged apt-get -qq update
  logged apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold full-upgrade
  say "| upgraded to $release in $(($(date +%s) - begun)) s | $(versions | paste -sd , | sed 's/,/, /g') |"
  logged make -s .venv/.run
  told compare "$folder" "$release"
done

#!/bin/sh
# What try-release.sh does inside of the root. Leaves build/tried/deb-table.md and deb.log; ends with 1 at the first thing that is not
# as it should be.
set -eu
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive
out=$PWD/build/tried log=$PWD/build/tried/deb.log
mkdir -p "$out"
package=$PWD/$(echo dist/directdnsonly_*.deb)
config=/etc/directdnsonly/app.yml
store=/var/lib/directdnsonly/queues
say() { printf '%s\n' "$*" | tee -a "$out/deb-table.md"; }
wrong() { tail -n 40 "$log"; say "| wrong | $* |"; exit 1; }
quietly() { "$@" >>"$log" 2>&1 || wrong "$*"; }
now() { date +%s; }
mode() { stat -c '%U:%G %a' "$1"; }
is() { [ "$2" = "$3" ] || wrong "$1: '$3' instead of '$2'"; }

# A root that leaves out manuals would not show that they are there; and no service starts by itself.
rm -f /etc/dpkg/dpkg.cfg.d/*mmdebstrap*
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
quietly apt-get -qq update
begun=$(now)
quietly apt-get -qq install -y "$package"
say "| $RELEASE | $(dpkg-query -W -f '${Version}' directdnsonly) |"
say "|---|---|"
say "| size | $(($(stat -c %s "$package") / 1024)) KiB; installed $(du -sm /usr/lib/directdnsonly | cut -f1) MiB with bytecode |"
say "| \`apt-get install\`, BIND and downloads included | $(($(now) - begun)) s |"
quietly apt-get -qq install -y --no-install-recommends bind9-dnsutils iproute2

is "$config" "root:directdnsonly 640" "$(mode "$config")"
is /etc/directdnsonly "root:directdnsonly 750" "$(mode /etc/directdnsonly)"
is /var/lib/directdnsonly "directdnsonly:directdnsonly 750" "$(mode /var/lib/directdnsonly)"
grep -q 'auth_password: [0-9a-f]\{40\}$' "$config" || wrong "no random password in $config"
[ -L /etc/systemd/system/multi-user.target.wants/directdnsonly.service ] || wrong "the service is not switched on"
[ -z "$(dpkg --verify directdnsonly)" ] || wrong "dpkg --verify: $(dpkg --verify directdnsonly)"
for page in man1/dadns.1 man1/directdnsonly.1 man5/directdnsonly.yml.5; do
  [ -s "/usr/share/man/$page.gz" ] || wrong "no manual $page"
done
before=$(sha256sum "$config")

# A network of its own, in which port 53 is nobody's.
quietly unshare --net deploy/deb/serve-here.sh push
say "| first zone | $(cat "$out/deb-served") |"

dpkg-deb --raw-extract "$package" /tmp/newer
sed -i 's/^Version: .*/&+newer/' /tmp/newer/DEBIAN/control
quietly dpkg-deb --root-owner-group -Znone --build /tmp/newer /tmp/newer.deb
quietly apt-get -qq install -y /tmp/newer.deb
case "$(dpkg-query -W -f '${Version}' directdnsonly)" in *+newer) ;; *) wrong "it was not upgraded" ;; esac
is "configuration after the upgrade" "$before" "$(sha256sum "$config")"
quietly unshare --net deploy/deb/serve-here.sh ask
say "| upgraded | the zone is served again, nothing was pushed; configuration as it was |"

quietly apt-get -qq remove -y directdnsonly
[ ! -e /usr/lib/directdnsonly ] || wrong "left: $(find /usr/lib/directdnsonly | head -n 3)"
is "configuration after removal" "$before" "$(sha256sum "$config")"
[ -d "$store" ] || wrong "removal took the store"
say "| removed | program gone, configuration and store kept |"
quietly apt-get -qq purge -y directdnsonly
[ ! -e /etc/directdnsonly ] || wrong "left: $(ls -a /etc/directdnsonly)"
[ -d "$store" ] || wrong "purging took the store"
left=$(find /etc /usr /var/lib/systemd -path '*directdnsonly*' ! -path '/usr/share/doc/*' | head -n 3)
[ -z "$left" ] || wrong "left after purging: $left"
say "| purged | configuration gone, store kept |"
rm -r /var/lib/directdnsonly

# Where the recipe was used before, its unit and its links would go before ours.
old=/etc/systemd/system/directdnsonly.service
echo 'ExecStart=/opt/directdnsonly/bin/dadns serve' > "$old"
ln -s "$old" /etc/systemd/system/multi-user.target.wants/
ln -s /opt/directdnsonly/bin/dadns /usr/local/bin/dadns
quietly apt-get -qq install -y --no-install-recommends "$package"
[ ! -e "$old" ] && [ -e "$old.before-package" ] && [ ! -L /usr/local/bin/dadns ] || wrong "the recipe's unit or link is still in the way"
case "$(readlink /etc/systemd/system/multi-user.target.wants/directdnsonly.service)" in */lib/systemd/system/*) ;; *) wrong "the recipe's unit is still switched on" ;; esac
rm "$old.before-package"
quietly apt-get -qq purge -y directdnsonly
[ ! -e /var/lib/directdnsonly ] || wrong "an empty /var/lib/directdnsonly is left"

[ "${LINT:-yes}" = yes ] || exit 0
quietly apt-get -qq install -y --no-install-recommends mandoc lintian
quietly mandoc -T lint -W error docs/man/*
say "| mandoc | no error; $(mandoc -T lint -W warning docs/man/* 2>&1 | grep -c ':' || true) warnings |"
lintian --allow-root --fail-on error --tag-display-limit 5 "$package" > "$out/lintian" 2>&1 || { cat "$out/lintian"; wrong lintian; }
cat "$out/lintian" | tee -a "$log"
say "| lintian | $(grep -c '^E:' "$out/lintian" || true) errors, $(grep -c '^W:' "$out/lintian" || true) warnings |"

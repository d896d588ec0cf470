#!/bin/sh
# Let Debian's AppArmor profile of named read and write our folder: allow-named.sh FOLDER. Does nothing where the profile
# or AppArmor is not there, or where it was done before. NSD and Knot have no profile in Debian.
#   APPARMOR_D       where the profiles are, /etc/apparmor.d
#   APPARMOR_LOADED  the kernel's switch; where it does not say Y, nothing is confined, and only the file is written
set -eu
folder=$(cd "$1" && pwd -P)
place=${APPARMOR_D:-/etc/apparmor.d}
loaded=${APPARMOR_LOADED:-/sys/module/apparmor/parameters/enabled}
profile=$place/usr.sbin.named
local=$place/local/usr.sbin.named
# r, w: zone files, journals; k: the lock of the zones that `rndc addzone` made.
rule="\"$folder/{,**}\" rwk,"
[ -e "$profile" ] || exit 0
! grep -qsxF "$rule" "$local" || exit 0
case "$(cat "$loaded" 2>/dev/null || true)" in Y*) confined=yes ;; *) confined="" ;; esac
sudo=""
if [ ! -w "$place" ]; then
  # Nothing to do for somebody who is not root, where nothing is confined.
  [ -n "$confined" ] || exit 0
  if sudo -n true 2>/dev/null; then sudo=sudo; else
    echo "AppArmor lets named read only its own folders. As root:  $0 $folder" >&2
    exit 1
  fi
fi
$sudo mkdir -p "$place/local"
echo "$rule" | $sudo tee -a "$local" >/dev/null
[ -n "$confined" ] || exit 0
PATH="$PATH:/usr/sbin:/sbin"
$sudo apparmor_parser -r "$profile"
echo "AppArmor: named may use $folder now ($local)"

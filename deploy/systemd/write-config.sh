#!/bin/sh
# Write the first configuration with a random password: write-config.sh TEMPLATE FILE. A file that is there is left as it is.
set -eu
[ ! -e "$2" ] && [ ! -L "$2" ] || exit 0
umask 077
password=$(od -An -tx1 -N20 /dev/urandom | tr -d ' \n')
[ ${#password} -eq 40 ] || { echo "no random octets: $2 was not written" >&2; exit 1; }
sed "s|auth_password: changeme .*|auth_password: $password|" "$1" > "$2.new"
mv "$2.new" "$2"
echo "Wrote $2 with a random password."

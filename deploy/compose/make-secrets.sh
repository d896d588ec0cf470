#!/bin/sh
# Make the secrets of a topology: deploy/compose/make-secrets.sh deploy/compose/a|b. What is there already stays.
#
# A file secret is mounted into the container as it is, and the service does not run as root there: so the files are
# readable, and the folder is not. Keep the folder out of backups that others read, and out of version control.
set -eu
topology=${1:?which folder: deploy/compose/a or deploy/compose/b}
umask 077
mkdir -p "$topology/secrets"
cd "$topology/secrets"
secret() { # NAME: a random one of 160 bits
  [ -e "$1" ] || { od -An -tx1 -N20 /dev/urandom | tr -d ' \n' > "$1"; echo "made $PWD/$1"; }
  chmod 444 "$1"
}
case "$topology" in
  */a) secret ns1_password; secret ns2_password ;;
  */b)
    secret receiver_password
    for dc in dc1 dc2; do
      secret "${dc}_db_root"; secret "${dc}_db_writer"; secret "${dc}_db_reader"
      # What CoreDNS reads: the account, the password and the place of the database in one line.
      if [ ! -e "${dc}_coredns_dsn" ]; then
        echo "coredns_reader:$(cat "${dc}_db_reader")@tcp($dc-db:3306)/coredns" > "${dc}_coredns_dsn"
      fi
      chmod 444 "${dc}_coredns_dsn"
    done ;;
  *) echo "no topology: $topology" >&2; exit 2 ;;
esac

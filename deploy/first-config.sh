#!/bin/sh
# Write ./config/app.yml on the first `make run`: loopback, a random password, a bundled BIND on a high port (first-config.yml).
set -eu
file=config/app.yml
[ -e "$file" ] || [ -e config.yml ] || [ -n "${DADNS_CONFIG:-}" ] || {
  mkdir -p config
  umask 077
  password=$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(24))')
  # shellcheck disable=SC2016 # the words as they are
  sed "s|@BY@|the first \`make run\`|; s|@PASSWORD@|$password|" deploy/first-config.yml > "$file.new"
  mv "$file.new" "$file"
  echo "wrote $file with a random password"
}

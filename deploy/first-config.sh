#!/bin/sh
# Write ./config/app.yml on the first `make run`: loopback, a random password, a bundled BIND on a high port.
set -eu
file=config/app.yml
[ -e "$file" ] || [ -e config.yml ] || [ -n "${DADNS_CONFIG:-}" ] || {
  mkdir -p config
  umask 077
  password=$(.venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(24))')
  cat > "$file" <<YAML
# Written by the first \`make run\`. config.example.yml shows every key.
app:
  auth_username: directdnsonly
  auth_password: $password
  listen_host: 127.0.0.1
  listen_port: 2222
dns:
  default_backend: bind
  backends:
    bind:
      type: bind
      managed: true
      listen: ["127.0.0.1"]
      port: 5300
YAML
  echo "wrote $file with a random password"
}

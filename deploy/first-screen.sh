#!/bin/sh
# What `make run` says before the service starts. Of a configuration that it did not write the service itself tells: `dns`.
set -eu
grep -qs '^# Written by the first' config/app.yml || exit 0
cat <<TEXT

Pushes: http://127.0.0.1:2222   Status: /status   API: /docs   DNS: 127.0.0.1 port 5300   (Ctrl-C stops both)
A browser asks for auth_username and auth_password of config/app.yml.
In another terminal:
  .venv/bin/dadns push docs/examples/example.com.zone
  dig @127.0.0.1 -p 5300 www.example.com A +short

TEXT

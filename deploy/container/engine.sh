#!/bin/sh
# Print which engine to use: docker where its daemon answers, else podman. CONTAINER_ENGINE overrides.
set -eu
if [ -n "${CONTAINER_ENGINE:-}" ]; then echo "$CONTAINER_ENGINE"
elif docker info >/dev/null 2>&1; then echo docker
else echo podman; fi

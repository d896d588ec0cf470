# DirectDNSOnly with the name servers that it can run itself: BIND, NSD, Knot. `make image` builds it.
#
# Nothing here names a mirror. DEBIAN_MIRROR is a build argument; pip's configuration and a CA bundle come as build
# secrets (`pip_conf`, `ca`), so that neither stays in a layer. No program carries a file capability: with one, the
# kernel refuses to start the program as soon as a container drops that capability (see docs/deploy/container.md).
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
ARG DEBIAN_MIRROR=""
RUN --mount=type=bind,source=deploy/container/apt-install.sh,target=/tmp/apt-install.sh \
    --mount=type=secret,id=ca \
    sh /tmp/apt-install.sh python3 python3-venv ca-certificates
WORKDIR /build
COPY requirements.lock ./
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip_conf \
    if [ -e /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && if [ -e /run/secrets/pip_conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip_conf; fi \
 && python3 -m venv /opt/directdnsonly \
 && /opt/directdnsonly/bin/pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.lock \
 && /opt/directdnsonly/bin/pip uninstall --yes --quiet pip setuptools \
 && /opt/directdnsonly/bin/python -c 'import sysconfig; open(sysconfig.get_path("purelib") + "/app.pth", "w").write("/opt/directdnsonly/app\n")' \
 && printf '#!/opt/directdnsonly/bin/python\nfrom directdnsonly.cli import main\n\nif __name__ == "__main__":\n    main()\n' > /opt/directdnsonly/bin/dadns \
 && chmod +x /opt/directdnsonly/bin/dadns \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/directdnsonly/lib
# Last, because it changes most often: the layers above are built once.
COPY src/directdnsonly app/directdnsonly
COPY config.example.yml app/directdnsonly/shipped/
COPY deploy/first-config.yml app/directdnsonly/shipped/deploy/
COPY deploy/apparmor/allow-named.sh app/directdnsonly/shipped/deploy/apparmor/
COPY deploy/caddy/Caddyfile app/directdnsonly/shipped/deploy/caddy/
COPY deploy/grafana/directdnsonly.json app/directdnsonly/shipped/deploy/grafana/
COPY deploy/nginx/directdnsonly.conf app/directdnsonly/shipped/deploy/nginx/
COPY deploy/prometheus/prometheus.yml deploy/prometheus/directdnsonly.rules.yml app/directdnsonly/shipped/deploy/prometheus/
COPY deploy/systemd/directdnsonly.service deploy/systemd/sysusers.conf deploy/systemd/tmpfiles.conf app/directdnsonly/shipped/deploy/systemd/
RUN python3 -m compileall -q --invalidation-mode unchecked-hash app

FROM ${BASE}
ARG DEBIAN_MIRROR=""
RUN --mount=type=bind,source=deploy/container/apt-install.sh,target=/tmp/apt-install.sh \
    --mount=type=secret,id=ca \
    sh /tmp/apt-install.sh python3 bind9 bind9-utils nsd knot tini tzdata \
 && groupadd --system --gid 953 directdnsonly \
 && useradd --system --uid 953 --gid 953 --home-dir /app --shell /usr/sbin/nologin directdnsonly \
 && install -d -o directdnsonly -g directdnsonly /app/data \
 && install -d /app/config
COPY --from=build /opt/directdnsonly /opt/directdnsonly
COPY deploy/container/healthcheck.py /opt/directdnsonly/healthcheck.py
COPY LICENSE /usr/share/doc/directdnsonly/copyright
COPY --from=build /build/app /opt/directdnsonly/app
ENV PATH=/opt/directdnsonly/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DADNS_STARTED_BY=image \
    HEALTH_URL=http://127.0.0.1:2222/readyz
# By number, so that an orchestrator can see that it is not root.
USER 953:953
WORKDIR /app
VOLUME ["/app/data"]
EXPOSE 2222/tcp 53/tcp 53/udp
# Ready means that pushes can be committed. A name server that is away does not make us unhealthy: we start it again.
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["python3", "-ISB", "/opt/directdnsonly/healthcheck.py"]
ENTRYPOINT ["/usr/bin/tini", "--", "dadns"]
CMD ["serve"]
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="DirectDNSOnly" \
      org.opencontainers.image.description="The extra DNS server of DirectAdmin's Multi Server Setup" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

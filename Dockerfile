# DirectDNSOnly with a bundled BIND. Mirrors come by build arguments or by the builder's own configuration.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.lock ./
RUN python3 -m venv /opt/directdnsonly && /opt/directdnsonly/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY src ./src
RUN cp -r src/directdnsonly "$(/opt/directdnsonly/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
 && printf '#!/opt/directdnsonly/bin/python\nfrom directdnsonly.cli import main\n\nmain()\n' > /opt/directdnsonly/bin/dadns \
 && chmod +x /opt/directdnsonly/bin/dadns \
 && /opt/directdnsonly/bin/python -m compileall -q /opt/directdnsonly/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="DirectDNSOnly" \
      org.opencontainers.image.description="The extra DNS server of DirectAdmin's Multi Server Setup"
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
 && apt-get update && apt-get install -y --no-install-recommends python3 bind9 bind9-utils libcap2-bin tini \
 && setcap cap_net_bind_service=+ep /usr/sbin/named \
 && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d \
 && useradd --system --uid 953 --home-dir /data --shell /usr/sbin/nologin directdnsonly \
 && install -d -o directdnsonly -g directdnsonly /data
COPY --from=build /opt/directdnsonly /opt/directdnsonly
ENV PATH=/opt/directdnsonly/bin:/usr/sbin:/usr/bin:/sbin:/bin DADNS_DATA_DIR=/data PYTHONUNBUFFERED=1
USER directdnsonly
WORKDIR /app
VOLUME ["/data"]
EXPOSE 2222/tcp 53/tcp 53/udp
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:2222/readyz', timeout=5)"]
ENTRYPOINT ["/usr/bin/tini", "--", "dadns"]
CMD ["serve"]

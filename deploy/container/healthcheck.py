"""What the image's HEALTHCHECK runs: exit 0 when HEALTH_URL answers 200. Set HEALTH_URL when app.listen_* differ."""

import os
import sys
from urllib.request import urlopen

try:
    with urlopen(os.environ["HEALTH_URL"], timeout=5) as answer:  # noqa: S310 - the operator's own address
        print(answer.read(4096).decode("utf-8", "replace"))
except OSError as error:
    print(f"{os.environ['HEALTH_URL']}: {error}", file=sys.stderr)
    sys.exit(1)

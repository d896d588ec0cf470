"""Whoever reads that the service is there may stop it in the same moment: it ends as it does later."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from bench.service import DADNS, free_port

CONFIG = """
data_dir: {folder}/data
log_level: INFO
log_format: json
app: {{auth_username: h, auth_password: a-good-password, listen_host: 127.0.0.1, listen_port: {port}}}
dns:
  backends:
    away: {{type: powerdns, api_url: "http://127.0.0.1:{api}", api_key: any, verify_address: "127.0.0.1#{dns}"}}
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_moment_of_its_first_line_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """The signals were caught a moment after "service.started" was said: who stopped it then killed it."""
    (tmp_path / "app.yml").write_text(
        CONFIG.format(folder=tmp_path, port=free_port(), api=free_port(), dns=free_port())
    )
    for _ in range(3):
        with subprocess.Popen(
            [DADNS, "serve", "--config", tmp_path / "app.yml"], stderr=subprocess.PIPE, bufsize=0
        ) as process:
            assert process.stderr is not None
            told = []
            for line in process.stderr:
                told.append(json.loads(line)["event"])
                if told[-1] == "service.started":
                    process.send_signal(number)
        assert 0 == process.returncode
        assert ["service.started", "service.stopping"] == [
            one for one in told if one in {"service.started", "service.stopping"}
        ]
        assert "service.stopped" == told[-1]

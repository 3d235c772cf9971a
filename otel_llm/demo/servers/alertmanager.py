"""Alertmanager: delivers alerts to a webhook; a page suppresses the ticket for the same objective."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from otel_llm.demo.servers.base import HOST, RunningServer, duration, free_ports, start, write_yaml
from otel_llm.demo.servers.programs import ALERTMANAGER


@dataclass(frozen=True, kw_only=True)
class Alertmanager(RunningServer):
    """An Alertmanager; `url` is its web page and its API."""

    address: str
    """Host and port for Prometheus."""


def start_alertmanager(folder: Path, *, webhook_url: str, group_wait_s: float = 30, port: int = 0) -> Alertmanager:
    """Return Alertmanager once it answers; it delivers firing and resolved alerts to the webhook.

    Raises:
        ServerError: Alertmanager is not installed, or did not become ready.
        PortTakenError: a port is in use.
    """
    address = f"{HOST}:{free_ports({'--alertmanager-port': port})[0]}"
    configuration = {
        "route": {
            "receiver": "webhook",
            "group_by": ["alertname", "service_name"],
            "group_wait": duration(group_wait_s),
            "group_interval": duration(max(group_wait_s, 1)),
            "repeat_interval": "4h",
        },
        "receivers": [
            {"name": "webhook", "webhook_configs": [{"url": webhook_url, "send_resolved": True}]},
        ],
        # a page needs no ticket beside it
        "inhibit_rules": [
            {
                "source_matchers": ['severity="page"'],
                "target_matchers": ['severity="ticket"'],
                "equal": ["slo", "service_name"],
            }
        ],
    }
    url = f"http://{address}"
    command = [
        str(ALERTMANAGER.require()),
        f"--config.file={write_yaml(folder / 'alertmanager.yml', configuration)}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        f"--web.external-url={url}",
        "--cluster.listen-address=",  # a single instance: by default it would look for peers
        "--log.level=warn",
    ]
    process = start("alertmanager", command, folder, ready_url=f"{url}/-/ready")
    return Alertmanager(process=process, url=url, address=address)

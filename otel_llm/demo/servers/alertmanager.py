"""Alertmanager: delivers to a webhook, and inhibits tickets by pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from otel_llm.demo.servers.base import HOST, Server, duration, free_ports, start, write_yaml
from otel_llm.demo.servers.programs import ALERTMANAGER


@dataclass(frozen=True, kw_only=True)
class Alertmanager(Server):
    """An Alertmanager; `url` is its interface and its API."""

    address: str
    """What Prometheus is given: host and port."""


def start_alertmanager(folder: Path, *, webhook_url: str, group_wait_s: float = 30, port: int = 0) -> Alertmanager:
    """Return Alertmanager once it answers; it delivers every alert, also when resolved, to the webhook.

    Raises:
        ServerError: it is not here, or did not come up.
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
        # who was paged for it needs no ticket about it
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
        "--cluster.listen-address=",  # one of it; by default it would look for others
        "--log.level=warn",
    ]
    process = start("alertmanager", command, folder, ready_url=f"{url}/-/ready")
    return Alertmanager(process=process, url=url, address=address)

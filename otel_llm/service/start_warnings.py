"""Facts that the operator should know at the start: records left over, open ports, settings without effect."""

from __future__ import annotations

import ipaddress
import logging
from typing import Final

from otel_llm.config.flow import InlineSettings
from otel_llm.config.service import ServiceSettings
from otel_llm.cores import available_cores

_log: Final = logging.getLogger(__name__)


def warn_of_left_over(settings: ServiceSettings) -> None:
    """Log the queues that hold records and have no process now: there were more processes before."""
    if settings.queue.folder is None:
        return
    processes = settings.processes or available_cores()
    for folder in sorted(settings.queue.folder.glob("[0-9]*")):
        left = sum(path.stat().st_size for path in folder.glob("*.segment"))
        if left and folder.name.isdecimal() and int(folder.name) >= processes:
            _log.warning(
                "%s holds %d bytes of an earlier process, which wait until there are %d processes again",
                folder,
                left,
                int(folder.name) + 1,
            )


def warn_of_strangers(settings: ServiceSettings) -> None:
    """Log the ports that anyone who reaches this machine may use."""
    receive, telemetry_host = settings.receive, settings.telemetry_host or settings.host
    if not _is_loopback(settings.host) and not (receive.tls.client_ca_file or receive.bearer_tokens_file):
        _log.warning(
            "whoever reaches %s may send: set receive.bearer_tokens_file or receive.tls.client_ca_file",
            settings.host,
        )
    if settings.debug_calls and not _is_loopback(telemetry_host):
        _log.warning("whoever reaches %s reads what was said, at /debug/calls", telemetry_host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_effect(settings: ServiceSettings) -> list[str]:
    """Return a message for each setting that has no effect because of another setting."""
    if settings.forward.endpoint:
        return []
    default = InlineSettings().model_dump()
    changed = [f"inline.{key}" for key, value in settings.inline.model_dump().items() if value != default[key]]
    return [f"{key} has no effect: forward.endpoint is not set, and nothing is passed on" for key in changed]

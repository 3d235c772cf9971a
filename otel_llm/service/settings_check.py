"""Checks the settings as far as this machine can tell, without starting anything."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from otel_llm.config.service import ServiceSettings
from otel_llm.errors import ConfigError, PortTakenError
from otel_llm.evaluate.engine.execution_providers import running_on
from otel_llm.evaluate.kinds.loading import chosen_manifests
from otel_llm.evaluate.run.pipeline_parts import check_baseline
from otel_llm.evaluate.run.selection import check_names
from otel_llm.masking.texts import masker
from otel_llm.ports import bind
from otel_llm.receive.security import Guard
from otel_llm.receive.tls import grpc_tls
from otel_llm.send.client import open_client


def check(settings: ServiceSettings) -> None:
    """Return if the service would start: addresses, certificates, folders, evaluators. No model is loaded.

    Nothing that is made stays: the user who checks may differ from the user of the service.

    Raises:
        OtelLlmError: the service would not start; the message names the key, the value and the remedy.
    """
    if settings.inline.content == "mask":
        masker()
    grpc_tls(settings.receive.tls)
    Guard(settings.receive)
    for section, destination in (("events", settings.events), ("forward", settings.forward)):
        if destination.endpoint:
            with _said_within(section):
                open_client(destination).close()
    for host in {settings.host, settings.telemetry_host or settings.host}:
        bind(host, 0, "").close()
    with running_on(settings.evaluate.providers), _said_within("evaluate"):
        manifests = chosen_manifests(settings.evaluate.evaluators)
        check_baseline(settings.evaluate)
    check_names(settings.selection, [manifest.name for manifest in manifests])
    for key, folder in (
        ("queue.folder", settings.queue.folder),
        ("dead_letters.file", settings.dead_letters.file and settings.dead_letters.file.parent),
    ):
        if folder and not _may_be_written(folder):
            raise ConfigError(f"{key}: {str(folder)!r} cannot be made or written by this user: choose another")
    letters = settings.dead_letters.file
    if letters and letters.is_dir():
        raise ConfigError(f"dead_letters.file: must be a file, got the folder {str(letters)!r}: name one in it")


@contextlib.contextmanager
def _said_within(section: str) -> Iterator[None]:
    """Put the section before the key in a ConfigError: the code that raises it does not know the section."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{section}.{error}") from error


def _may_be_written(folder: Path) -> bool:
    """Return True if this user may write to the folder, or make it in the nearest existing folder above it."""
    # os.access, because Path.exists raises below a folder that this user may not read
    access = functools.partial(os.access, effective_ids=os.access in os.supports_effective_ids)
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if access(each, os.F_OK))
    try:
        # permissions do not tell: below /proc not even root makes a folder
        with tempfile.TemporaryDirectory(prefix=".otel-llm-check-", dir=nearest):
            return True
    except OSError:
        return False


def taken_ports(settings: ServiceSettings) -> list[str]:
    """Return a message for each port that another program listens on, or this service, if it runs already."""
    messages = []
    for key, host in (
        ("grpc_port", settings.host),
        ("http_port", settings.host),
        ("telemetry_port", settings.telemetry_host or settings.host),
    ):
        port: int = getattr(settings, key)
        try:
            bind(host, port, "").close()
        except PortTakenError:
            messages.append(
                f"{key}: port {port} on {host} is taken: by this service if it runs already, else choose another"
            )
    return messages

"""Failed exports in the log: one line for each cause, with what, where, why and the remedy."""

from __future__ import annotations

import logging
import os
import re
from typing import Final, NamedTuple

from otel_llm.config.sdk_environment import EXPORTER_VARIABLES, endpoint_of, without_password

_EXPORTERS: Final = "opentelemetry.exporter.otlp.proto.http"
_LOGGERS: Final = {"trace_exporter": "traces", "metric_exporter": "metrics", "_log_exporter": "logs"}
"""Signal of each exporter's logger."""
# the wording of a cause in opentelemetry-exporter-otlp-common 1.45, `http.py`; any other text is its own cause
_CAUSES: Final = (
    re.compile(r"\[Errno -?\d+\] (?P<reason>[^'\")]+?)(?:['\")]| encountered|$)"),
    re.compile(r"Failed to resolve '[^']*' \((?P<reason>[^:()]+)"),
    re.compile(r"\[SSL: \w+\] (?P<reason>[^()]+) \(_ssl"),
    re.compile(r"(?P<reason>No connection adapters were found)"),
    re.compile(r"Invalid URL '[^']*': (?P<reason>No scheme supplied)"),
    re.compile(r"code: (?:None|(?P<status>\d+)), reason: (?P<reason>.+)", re.DOTALL),
    re.compile(r"Transient error (?P<reason>.+) encountered while exporting", re.DOTALL),
    re.compile(r"Failed to export \w+ batch (?P<reason>due to timeout, max retries or shutdown)"),
)
_NO_SCHEME: Final = "write the URL with its scheme, such as http://localhost:4318"
_NO_TLS: Final = "no TLS is spoken there: http:// in place of https://?"
_REMEDIES: Final = {
    "No connection adapters": _NO_SCHEME,
    "No scheme supplied": _NO_SCHEME,
    "wrong version number": _NO_TLS,
    "record layer failure": _NO_TLS,
    "certificate verify failed": "name the receiver's authority in OTEL_EXPORTER_OTLP_CERTIFICATE",
    "illegal request line": "this is no port of OTLP over HTTP; that is 4318 as a rule, and 4317 is gRPC's",
}
"""What to do, by the beginning of the cause."""
_PATH_TWICE: Final = re.compile(r"/v1/\w+/+v1/\w+$")
_GIVING_UP: Final = "max retries"
_AT_EXIT: Final = ("Exporter already shutdown", "Shutdown in progress")
_VARYING: Final = re.compile(r"0x[0-9a-f]+|\d+\.\d+|\d{4,}")  # addresses, seconds, bytes: they make no new cause
_CAUSES_LIMIT: Final = 100  # causes; texts that differ each time must not fill the memory or the app's output
_LONGEST_CAUSE: Final = 200


class Cause(NamedTuple):
    """Why an export failed."""

    reason: str
    status: str = ""
    """HTTP status; empty if nothing answered."""

    def remedy(self, signal: str, url: str) -> str:
        """Return what to do where a signal was sent to this URL, or an empty text."""
        for beginning, remedy in _REMEDIES.items():
            if self.reason.startswith(beginning):
                return remedy
        if self.status in {"404", "405"} and _PATH_TWICE.search(url):
            return "OTEL_EXPORTER_OTLP_ENDPOINT is the base of all signals: leave its path /v1/... out"
        if self.status in {"404", "405"}:
            return (
                f"no receiver of {signal} is there: set OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT, or "
                f"{EXPORTER_VARIABLES[signal]}=none"
            )
        if self.status in {"401", "403"}:
            return "set what the receiver asks for in OTEL_EXPORTER_OTLP_HEADERS"
        if not self.status and self.reason[:1].isupper():  # the words of the system, such as Connection refused
            return "does a Collector listen there? OTEL_EXPORTER_OTLP_ENDPOINT says where telemetry goes"
        return ""

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip()


def cause_of(text: str) -> Cause:
    """Return the cause in a line of an exporter's log."""
    found = next(filter(None, (cause.search(text) for cause in _CAUSES)), None)
    groups = found.groupdict() if found else {"reason": text}
    return Cause(groups["reason"][:_LONGEST_CAUSE], groups.get("status") or "")


def say_causes_once() -> None:
    """Let the exporters of this process log one line for each cause."""
    said: set[str] = set()
    for name, signal in _LOGGERS.items():
        logging.getLogger(f"{_EXPORTERS}.{name}").addFilter(SaidOnce(signal, said))


class SaidOnce(logging.Filter):
    """A log filter that keeps one line for each cause: the exporter of a signal logs each attempt.

    A cause without an HTTP status concerns all signals that go to one server, and is said once for them.
    """

    def __init__(self, signal: str, said: set[str]) -> None:
        """Keep lines whose cause is not in `said`, the set that the filters of all signals share."""
        super().__init__()
        self._signal = signal
        self._said = said
        self._is_retrying = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True for a record that is to be logged, after rewriting it."""
        if record.levelno < logging.WARNING:
            return True
        text = record.getMessage()
        if self._ends_a_retry(text):
            return False
        cause = cause_of(text)
        url = endpoint_of(self._signal, os.environ)
        remedy = cause.remedy(self._signal, url)
        url = without_password(url)
        what = f"{self._signal} were"
        if not cause.status:
            what, url = "telemetry was", url.removesuffix(f"/v1/{self._signal}")
        key = f"{what} {url} {_VARYING.sub('', str(cause))}"
        if key in self._said or len(self._said) >= _CAUSES_LIMIT:
            return False
        self._said.add(key)
        why = ": ".join(filter(None, (str(cause), remedy)))
        record.msg = "otel-llm: %s not delivered to %s: %s (said once; the app is not affected)"
        record.args = (what, url, why)
        record.exc_info = None
        return True

    def _ends_a_retry(self, text: str) -> bool:
        """Return True if the line only reports the end of retries, whose cause was logged when they began."""
        if text.startswith("Transient error"):
            self._is_retrying = True
            return False
        if _GIVING_UP in text and self._is_retrying:
            self._is_retrying = False
            return True
        return text.startswith(_AT_EXIT) and bool(self._said)

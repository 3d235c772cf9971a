"""The service as a process, and where its results go, for overload.py."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


class Sink:
    """An OTLP/gRPC receiver of log records, which are looked at when all have come."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()
        self.records = 0
        self._server = grpc.server(ThreadPoolExecutor(max_workers=2))
        method = grpc.unary_unary_rpc_method_handler(self._export)
        name = "opentelemetry.proto.collector.logs.v1.LogsService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": method}),))
        self.at = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _export(self, body: bytes, _: object) -> bytes:
        resources = ExportLogsServiceRequest.FromString(body).resource_logs
        with self._lock:
            self._bodies.append(body)
            self.records += sum(len(scope.log_records) for each in resources for scope in each.scope_logs)
        return b""

    def results(self) -> tuple[Counter[bytes], int]:
        """Return how many distinct results each span has, by trace id and span id, and how many came again."""
        ids: Counter[tuple[bytes, str]] = Counter()
        for body in self._bodies:
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                for record in (record for scope in resource.scope_logs for record in scope.log_records):
                    (own,) = (each for each in record.attributes if each.key == "otel_llm.evaluation.id")
                    ids[record.trace_id + record.span_id, own.value.string_value] += 1
        return Counter(span for span, _ in ids), ids.total() - len(ids)

    def close(self) -> None:
        self._server.stop(None).wait()


class Service:
    """The service as a process, and what it says of itself."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        path = folder / "service.yaml"
        path.write_text(json.dumps(settings))  # JSON is YAML
        command = [sys.executable, "-m", "otel_llm", "collector", "--config", str(path)]
        self._log = (folder / "service.log").open("w")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("ready: "):
            raise SystemExit(f"the service did not start: {Path(self._log.name).read_text()}")
        words = line.replace(",", "").split()
        self.grpc, self.http, self._metrics = words[2], words[4], words[6]
        self._client = httpx.Client(timeout=30)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def memory_mib(self, key: str) -> float:
        """Return VmRSS, what it has now, or VmHWM, the most that it had."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))

    def total(self, metric: str) -> float:
        """Return the sum of a metric's series."""
        lines = self._client.get(self._metrics).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith((metric + "{", metric + " "))
        )

    def stop(self) -> None:
        self._client.close()
        self._process.terminate()
        self._process.communicate()
        self._log.close()

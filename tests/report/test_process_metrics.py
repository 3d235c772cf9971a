import os
import sys
from types import ModuleType, SimpleNamespace

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from otel_llm import names
from otel_llm.report.gpu_metrics import watch_gpus
from otel_llm.report.metrics import ServiceMetrics
from otel_llm.report.process_metrics import watch_process


@pytest.fixture
def metrics():
    metrics = ServiceMetrics(max_label_values=10)
    yield metrics
    metrics.close()


def shown(metrics: ServiceMetrics) -> dict[str, list[tuple[dict, float]]]:
    found: dict[str, list[tuple[dict, float]]] = {}
    for family in text_string_to_metric_families(metrics.expose("")[0].decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_the_process_shows_what_it_uses_by_the_collectors_names(metrics: ServiceMetrics) -> None:
    watch_process(metrics.meter)
    found = shown(metrics)
    assert 1 < found["otelcol_process_memory_rss_bytes"][0][1] / 2**20 < 10_000
    assert 0 < found["otelcol_process_cpu_seconds_total"][0][1] < 100_000
    assert found["otelcol_process_uptime_seconds_total"][0][1] > 0
    for metric in (names.PROCESS_UPTIME, names.PROCESS_CPU, names.PROCESS_MEMORY_RSS):
        assert metric.prometheus_name in found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_it_needs_of_proc_no_more_than_the_process_itself(metrics: ServiceMetrics, monkeypatch, tmp_path) -> None:
    """A sandbox may hide the rest, such as /proc/stat: ProcSubset=pid of systemd, subset=pid of mount."""
    (tmp_path / str(os.getpid())).symlink_to("/proc/self")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    watch_process(metrics.meter)
    assert {name for name in shown(metrics) if name.startswith("otelcol_process")} == {
        names.PROCESS_UPTIME.prometheus_name,
        names.PROCESS_CPU.prometheus_name,
        names.PROCESS_MEMORY_RSS.prometheus_name,
    }


def fake_nvml(**functions: object) -> ModuleType:
    """A fake of nvidia-ml-py, for machines without a GPU: the functions of the real one that are asked."""
    module = ModuleType("fake_nvml")
    answers = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetName": lambda handle: b"H200",
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=40 + handle),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=1000, total=4000),
    }
    vars(module).update(answers | functions)
    return module


def test_each_gpu_shows_its_utilization_and_memory(metrics: ServiceMetrics, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fake_nvml", fake_nvml())
    assert watch_gpus(metrics.meter, "fake_nvml")
    found = shown(metrics)
    labels = [{"hw_id": f"GPU-{number}", "hw_model": "H200"} for number in (0, 1)]
    assert found["hw_gpu_utilization"] == [(labels[0], 0.4), (labels[1], 0.41)]
    assert found["hw_gpu_memory_usage_bytes"] == [(each, 1000) for each in labels]
    assert found["hw_gpu_memory_limit_bytes"] == [(each, 4000) for each in labels]


def test_a_gpu_that_cannot_be_asked_any_more_is_left_out(metrics: ServiceMetrics, monkeypatch) -> None:
    def lost(handle: int) -> object:
        if handle:
            raise RuntimeError("GPU is lost")
        return SimpleNamespace(gpu=40)

    monkeypatch.setitem(sys.modules, "fake_nvml", fake_nvml(nvmlDeviceGetUtilizationRates=lost))
    watch_gpus(metrics.meter, "fake_nvml")
    assert [value for _, value in shown(metrics)["hw_gpu_utilization"]] == [0.4]


def test_without_a_gpu_or_its_library_nothing_is_shown(metrics: ServiceMetrics, monkeypatch) -> None:
    def no_driver() -> None:
        raise RuntimeError("driver not loaded")

    monkeypatch.setitem(sys.modules, "fake_nvml", fake_nvml(nvmlInit=no_driver))
    assert not watch_gpus(metrics.meter, "fake_nvml")
    assert not watch_gpus(metrics.meter, "no_such_module")
    assert not [name for name in shown(metrics) if name.startswith("hw_")]

import doctest

import numpy as np
import pytest

from otel_llm.config.evaluate import DriftSettings
from otel_llm.errors import ConfigError
from otel_llm.evaluate.definition.installed import encoder_manifest
from otel_llm.evaluate.drift import detector as module
from otel_llm.evaluate.drift.baseline import read_baseline, write_baseline
from otel_llm.evaluate.drift.detector import MmdDrift, Reference, WindowSum, features
from otel_llm.evaluate.drift.monitor import DriftMonitor


def embeddings(topic, count, seed, dimension=384):
    """Texts on one topic: unit vectors scattered about as MiniLM's are."""
    random = np.random.default_rng(seed)
    scattered = np.eye(dimension)[topic] + random.normal(0, 1.3 / np.sqrt(dimension), (count, dimension))
    return (scattered / np.linalg.norm(scattered, axis=1, keepdims=True)).astype(np.float32)


def alarms(drift, stream):
    """Return the indices at which the statistic is above the threshold."""
    found = []
    for index, embedding in enumerate(stream):
        drift.update(embedding)
        if drift.statistic is not None and drift.statistic > drift.threshold:
            found.append(index)
    return found


def test_the_alarm_comes_soon_after_the_topic_shifts():
    drift = MmdDrift(window=12, false_alarm_rate=0.01, reference_size=24)
    stream = np.concatenate([embeddings(0, 60, seed=1), embeddings(1, 20, seed=2)])
    found = alarms(drift, stream)
    assert found == list(range(62, 80))
    assert drift.statistic > 20 * drift.threshold


def test_a_larger_window_notices_a_smaller_shift():
    mixed = np.concatenate([embeddings(0, 70, seed=4), embeddings(1, 30, seed=5)])
    np.random.default_rng(6).shuffle(mixed)
    drift = MmdDrift(window=100, false_alarm_rate=0.01, reference_size=200)
    assert alarms(drift, np.concatenate([embeddings(0, 300, seed=3), mixed]))[0] == 318


@pytest.mark.parametrize(("reference_size", "window"), [(24, 12), (60, 100), (200, 100)])
def test_false_alarms_are_about_as_frequent_as_asked(reference_size, window):
    raised = 0
    for seed in range(100):
        rows = features(embeddings(0, reference_size + window, seed=100 + seed))
        reference = Reference("r", rows[:reference_size])
        statistic = reference.distance(WindowSum.of(rows[reference_size:]))
        raised += statistic > reference.threshold(window, false_alarm_rate=0.1)
    assert 3 <= raised <= 20  # 10 expected


def test_a_stream_of_one_text_raises_no_alarm_until_it_changes():
    same, other = embeddings(0, 2, seed=1)
    drift = MmdDrift(window=4, false_alarm_rate=0.01, reference_size=8)
    assert alarms(drift, [same] * 20) == []
    assert alarms(drift, [other]) == [0]


def test_nothing_is_said_before_reference_and_window_are_full():
    drift = MmdDrift(window=4, false_alarm_rate=0.01, reference_size=8)
    for embedding in embeddings(0, 7, seed=1):
        drift.update(embedding)
    assert (drift.count, drift.threshold, drift.statistic) == (0, None, None)
    for embedding in embeddings(0, 4, seed=2):
        drift.update(embedding)
    assert drift.count == 3
    assert drift.threshold is not None
    assert drift.statistic is None
    drift.update(embeddings(0, 1, seed=3)[0])
    assert drift.statistic is not None


def test_windows_of_two_replicas_add_up():
    rows = features(embeddings(0, 30, seed=1))
    together, added = WindowSum.of(rows), WindowSum.of(rows[:10]) + WindowSum.of(rows[10:])
    reference = Reference("r", features(embeddings(1, 40, seed=2)))
    assert added.count == together.count == 30
    assert reference.distance(added) == pytest.approx(reference.distance(together), rel=1e-4)


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(module).failed == 0


def test_a_baseline_file_is_the_reference_of_every_stream(tmp_path):
    path = tmp_path / "june.npz"
    encoder = encoder_manifest("minilm_l6_v2")
    write_baseline(path, "june", embeddings(0, 50, seed=1), encoder)
    reference = read_baseline(path, encoder)
    assert reference.name == "june"
    assert np.array_equal(reference.rows, features(embeddings(0, 50, seed=1)))
    drift = MmdDrift(window=10, false_alarm_rate=0.01, reference=reference)
    assert drift.baseline == "june"
    assert alarms(drift, embeddings(0, 10, seed=2)) == []
    assert alarms(drift, embeddings(1, 10, seed=3))[-1] == 9


def test_streams_that_share_a_reference_share_its_threshold(monkeypatch):
    reference = Reference("june", features(embeddings(0, 50, seed=1)))
    first = MmdDrift(window=10, false_alarm_rate=0.01, reference=reference)
    with monkeypatch.context() as patch:
        patch.setattr(np.random, "default_rng", None)  # what a threshold is drawn with
        assert MmdDrift(window=10, false_alarm_rate=0.01, reference=reference).threshold == first.threshold
    assert MmdDrift(window=20, false_alarm_rate=0.01, reference=reference).threshold < first.threshold
    assert MmdDrift(window=10, false_alarm_rate=0.1, reference=reference).threshold < first.threshold


def test_the_window_is_summed_once_for_a_statistic(monkeypatch):
    drift = MmdDrift(window=4, false_alarm_rate=0.01, reference_size=8)
    for embedding in embeddings(0, 12, seed=1):
        drift.update(embedding)
    sums, of = [], WindowSum.of
    monkeypatch.setattr(WindowSum, "of", lambda rows: sums.append(of(rows)) or sums[-1])
    drift.reference.sum  # noqa: B018 - that of the reference is kept
    sums.clear()
    assert drift.statistic == drift.reference.distance(sums[0])
    assert len(sums) == 1


def test_a_baseline_of_another_encoder_is_refused(tmp_path):
    path = tmp_path / "june.npz"
    encoder = encoder_manifest("minilm_l6_v2")
    write_baseline(path, "june", embeddings(0, 50, seed=1), encoder.model_copy(update={"version": "0"}))
    with pytest.raises(
        ConfigError, match=rf"{path} must be made with minilm_l6_v2-{encoder.version}, got minilm_l6_v2-0"
    ):
        read_baseline(path, encoder)


@pytest.mark.parametrize("content", [None, b"", b"not a baseline"])
def test_a_file_that_is_no_baseline_is_refused_by_name(tmp_path, content):
    path = tmp_path / "june.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"drift\.baseline: {path} must be a baseline file"):
        DriftMonitor(DriftSettings(baseline=path), encoder_manifest("minilm_l6_v2"))


def test_a_damaged_baseline_is_refused_by_name(tmp_path):
    path = tmp_path / "june.npz"
    encoder = encoder_manifest("minilm_l6_v2")
    write_baseline(path, "june", embeddings(0, 50, seed=1), encoder)
    whole, refused = path.read_bytes(), []
    for at in range(0, 400, 7):  # in what is packed, and in how
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert read_baseline(path, encoder).name == "june"  # of some bytes of a zip file nothing depends
        except ConfigError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert all(message.startswith(f"drift.baseline: {path} must be") for message in refused)


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_plain_arrays_are_no_baseline(tmp_path, save):
    path = tmp_path / "june.npz"
    with path.open("wb") as file:
        save(file, embeddings(0, 50, seed=1))
    with pytest.raises(
        ConfigError,
        match=rf"^drift\.baseline: {path} must be a baseline file \(.* is not a .*\): "
        r"make one with `otel-llm baseline build`$",
    ):
        read_baseline(path, encoder_manifest("minilm_l6_v2"))

"""How many cores there are for this process."""

from pathlib import Path

import pytest

from otel_llm.cores import available_cores


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        ({}, None),
        ({"own": "max 100000"}, None),
        ({"own": "50000 100000"}, 1),
        ({"": "100000 100000", "own": "max 100000"}, 1),
    ],
)
def test_cores_are_those_that_the_system_leaves(tmp_path: Path, limits: dict[str, str], cores: int | None) -> None:
    groups, own = tmp_path / "groups", tmp_path / "cgroup"
    own.write_text("1:name=systemd:/other\n0::/own\n")
    (groups / "own").mkdir(parents=True)
    for name, limit in limits.items():
        (groups / name / "cpu.max").write_text(f"{limit}\n")
    assert available_cores(groups, own) == (cores or available_cores(tmp_path / "none", tmp_path / "no file"))

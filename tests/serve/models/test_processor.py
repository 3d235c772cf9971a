import pytest

from otel_llm.errors import ModelError
from otel_llm.serve.models.processor import check_processor

MODERN = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse2 avx avx2 bmi1 bmi2 f16c fma\n"


def test_processor_with_all_instruction_sets_passes(tmp_path):
    (tmp_path / "cpuinfo").write_text(MODERN * 2)
    check_processor(tmp_path / "cpuinfo", "x86_64")


def test_processor_without_avx2_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "cpuinfo").write_text(MODERN.replace(" avx2", "").replace(" fma", ""))
    with pytest.raises(ModelError, match="this one lacks avx2, fma: use --scripted-only"):
        check_processor(tmp_path / "cpuinfo", "x86_64")


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_other_architectures_pass(tmp_path, machine):
    (tmp_path / "cpuinfo").write_text("Features\t: fp asimd\n")
    check_processor(tmp_path / "cpuinfo", machine)


def test_system_that_does_not_tell_passes(tmp_path):
    check_processor(tmp_path / "missing", "x86_64")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    check_processor(tmp_path / "cpuinfo", "AMD64")

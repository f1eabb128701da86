import platform
from pathlib import Path

from benchmarks.machine import describe, processor


def test_the_processor_is_called_by_its_name(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: A Fast One\nprocessor\t: 1\n")

    assert processor(cpuinfo) == "A Fast One"
    assert describe(cpuinfo)["processor"] == "A Fast One"


def test_a_processor_without_a_name_is_called_by_its_kind(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\n")

    assert processor(cpuinfo) == platform.machine()

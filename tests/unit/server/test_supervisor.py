import pytest

from app.server.supervisor import restart_pause


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1.0), (1, 2.0), (2, 4.0), (4, 16.0), (5, 30.0), (1000, 30.0)]
)
def test_pause_grows_with_each_worker_that_has_not_served(failures: int, seconds: float) -> None:
    assert restart_pause(failures) == seconds


def test_pause_has_an_end_after_years_of_failures() -> None:
    assert restart_pause(10**6) == 30.0

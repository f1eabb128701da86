from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from app.logs.timestamps import Timestamps

MOMENTS = st.floats(min_value=-1e9, max_value=4e9)


@given(moments=st.lists(MOMENTS, max_size=5))
def test_moments_are_written_as_the_standard_library_writes_them(moments: list[float]) -> None:
    written = Timestamps().written

    for moment in moments:
        for near in (moment, moment + 0.25, moment):
            expected = datetime.fromtimestamp(near).isoformat(timespec="microseconds")
            assert written(near) == expected


def test_moment_that_is_rounded_up_belongs_to_the_next_second() -> None:
    moment = 1_700_000_000.9999998

    written = Timestamps().written(moment)

    assert written == datetime.fromtimestamp(1_700_000_001).isoformat(timespec="microseconds")

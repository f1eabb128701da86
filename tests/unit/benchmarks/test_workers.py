from benchmarks.workers import row


def test_the_largest_share_is_told_in_percent() -> None:
    assert row(3, [750, 250], 2) == ["3", "750", "250", "75%"]


def test_a_worker_without_connections_is_shown() -> None:
    assert row(1, [1000], 2) == ["1", "1000", "0", "100%"]

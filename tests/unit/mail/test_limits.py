"""How many mails a caller may bring."""

from dragoman.mail.limits import MAX_REMEMBERED, RateLimit


def test_a_minute_is_granted_at_once_and_then_as_time_passes() -> None:
    now = [0.0]
    limit = RateLimit(3, lambda: now[0])
    assert [limit.take("a") for _ in range(4)] == [True, True, True, False]
    assert limit.take("b")
    now[0] = 20.0
    assert [limit.take("a") for _ in range(2)] == [True, False]


def test_callers_beyond_the_bound_are_forgotten() -> None:
    limit = RateLimit(1, lambda: 0.0)
    assert limit.take("first")
    for number in range(MAX_REMEMBERED):
        limit.take(number)
    assert limit.take("first")

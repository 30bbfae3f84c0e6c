"""Durations as people write them."""

from __future__ import annotations

import pytest

from perdure.http.delay import BadDelay, parse_delay

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("10s", 10 * SECOND),
        ("10 sec", 10 * SECOND),
        (" 10   seconds ", 10 * SECOND),
        ("+10s", 10 * SECOND),
        ("0s", 0),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("1 hour, 30 minutes", 90 * MINUTE),
        ("2 days, 3 hrs, 4 mins, 5 secs, 6 ms", 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND + 6),
        ("1 minute", MINUTE),
        ("10ms", 10),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1.5s", 1500),
        ("1,5s", 1500),
        ("0.25h", 15 * MINUTE),
        ("1us", 1),
        ("1500µs", 2),
        ("1500μs", 2),
        ("1ns", 1),
        ("02:30:00", 150 * MINUTE),
        ("1 day 02:30:00.5", DAY + 150 * MINUTE + 500),
        ("PT10S", 10 * SECOND),
        ("pt10s", 10 * SECOND),
        ("P1D", DAY),
        ("P2W", 14 * DAY),
        ("PT0.5S", 500),
        ("PT0,5S", 500),
        ("P1DT2H3M4S", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND),
        ("PT1.5H", 90 * MINUTE),
    ],
)
def test_durations(text: str, ms: int) -> None:
    """Both notations; what is shorter than a millisecond is one, since it is not nothing."""
    assert parse_delay(text) == ms


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("10", "'10' has no unit: write 10s, 5m, 1h30m or PT10S"),
        ("abc", "'abc' is not a duration: write 10s, 5m, 1h30m or PT10S"),
        ("-5s", "'-5s' is negative"),
        ("5s ago", "'5s ago' is negative"),
        ("-PT5S", "'-PT5S' is negative"),
        ("5 parsecs", "'5 parsecs' has the unknown unit 'parsecs'"),
        ("1y", "'1y' has a unit without a fixed length; weeks are the longest that has one"),
        ("3 months", "'3 months' has a unit without a fixed length; weeks are the longest that has one"),
        ("1m 1h", "in '1m 1h' the unit 'h' stands after a smaller one, or twice"),
        ("1s 1s", "in '1s 1s' the unit 's' stands after a smaller one, or twice"),
        ("1.5h 10m", "'1.5h 10m' has a fraction that is not on its last unit, or on days or weeks"),
        ("1.5d", "'1.5d' has a fraction that is not on its last unit, or on days or weeks"),
        ("1h,", "'1h,' is not a duration: write 10s, 5m, 1h30m or PT10S"),
        ("1h, ", "'1h, ' is not a duration: write 10s, 5m, 1h30m or PT10S"),
        ("1h,30m", "'1h,30m' is not a duration: write 10s, 5m, 1h30m or PT10S"),
        ("02:75:00", "'02:75:00' has no such minute or second"),
        ("1h 02:30:00", "'1h 02:30:00' is not a duration: write 10s, 5m, 1h30m or PT10S"),
        ("P", "'P' ends too early"),
        ("PT", "'PT' ends too early"),
        ("P1DT", "'P1DT' ends too early"),
        ("P1Y", "'P1Y' is not an ISO 8601 duration of weeks, days, hours, minutes and seconds"),
        ("PT1S1H", "'PT1S1H' is not an ISO 8601 duration of weeks, days, hours, minutes and seconds"),
        ("P1H", "'P1H' is not an ISO 8601 duration of weeks, days, hours, minutes and seconds"),
        ("400000d", "'400000d' is longer than 1000 years"),
        ("9" * 500 + "s", None),
    ],
)
def test_what_is_no_duration(text: str, why: str | None) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(BadDelay) as caught:
        parse_delay(text)
    if why is not None:
        assert str(caught.value) == why


@pytest.mark.parametrize("text", ["5 parsecs\n", "1h\x00", "\u0661\u0660s", "1e3s", "½h", "1h" * 5000, "P" * 5000])
def test_odd_texts_are_refused(text: str) -> None:
    """Nothing but `BadDelay` comes of any text."""
    with pytest.raises(BadDelay):
        parse_delay(text)

"""The verdict on tool input that comes in pieces is that of a strict parse of the whole."""

from __future__ import annotations

from tests.core.test_json_check import (
    test_a_copy_reads_on_by_itself,
    test_the_reason_is_the_one_that_the_layout_gives,
    test_the_verdict_is_that_of_a_strict_parse,
)

LAWS = [
    test_the_verdict_is_that_of_a_strict_parse,
    test_the_reason_is_the_one_that_the_layout_gives,
    test_a_copy_reads_on_by_itself,
]

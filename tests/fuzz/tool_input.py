"""Tool input in pieces: its verdict is that of a strict parse, its lines those of its tokens."""

from __future__ import annotations

from tests.core.test_json_check import (
    test_a_copy_reads_on_by_itself,
    test_the_reason_is_the_one_that_the_layout_gives,
    test_the_verdict_is_that_of_a_strict_parse,
)
from tests.core.test_whole_lines import test_lines_read_at_once_are_those_read_token_by_token

LAWS = [
    test_the_verdict_is_that_of_a_strict_parse,
    test_the_reason_is_the_one_that_the_layout_gives,
    test_a_copy_reads_on_by_itself,
    test_lines_read_at_once_are_those_read_token_by_token,
]

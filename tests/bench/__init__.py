"""Benchmarks: `python -m tests.bench`. Not collected by pytest; times are no matter for a test.

A figure is worth little on its own, machines differ and drift. So every case runs ours and a
yardstick in turn, in one process or in two alike, and reports the median of the rounds and their
ratio.
"""

"""Benchmarks: one file a question, each bounded in count and time; `make bench` runs them all.

They print one line a finding and assert nothing: a number from a busy machine is no test.
"""

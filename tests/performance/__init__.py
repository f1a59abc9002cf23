"""Benchmarks: counts are gated in tests, seconds are reported here. `make bench` prints them all."""

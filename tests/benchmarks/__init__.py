"""Measurements, each beside a bare baseline or a peer in the same run; never part of the tests."""

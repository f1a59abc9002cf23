"""Builds that are broken on purpose, to show that the tests of every commit find it."""

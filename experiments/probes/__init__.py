"""Observations of our own. A probe reads, and never changes what it reads."""

"""Chaos Toolkit at arm's length: every experiment runs in a process of its own.

chaoslib takes over signal handlers, so it only runs in a main thread; it rewrites the experiment
it is given; it keeps its state in globals. Nothing of it is imported in our own processes.
This package imports nothing itself, since its runners' processes pay for what it imports.
"""

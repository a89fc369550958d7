"""Keeps a runner in: what its process gives up before any code of an experiment runs.

It imports nothing but the standard library on the way in, since every process of a run pays for
it. It judges no request; the guard does.
"""

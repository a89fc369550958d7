"""The program that a runner's process executes: `python -m ...runner MODE EXPERIMENT`.

It knows its conductor only as lines in and lines out, and has no credentials of its own.
"""

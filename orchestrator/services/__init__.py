"""The verbs of a Chaos Day: one module for each thing that people do.

They know ports, never adapters.
"""

"""The experiments: a catalogue of them, and the actions and probes that they are made of.

Chaos Toolkit runs them; nothing here runs an experiment by itself.
"""

"""The nouns of a Chaos Day: pure values and decisions.

Nothing here reads a clock, awaits, or imports a library.
"""

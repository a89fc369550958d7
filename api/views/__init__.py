"""What goes over the wire, one module per noun; each view is made by `of` from a value.

It hides nothing: what may be shown was decided before.
"""

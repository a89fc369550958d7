"""What kubectl prints: the cells of each kind's table.

Cells are computed from the object alone and the present instant.
"""

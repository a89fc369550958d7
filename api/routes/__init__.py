"""The routes, one module per resource; each calls one service method.

They hold no logic.
"""

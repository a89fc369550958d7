"""Who may do what, when the practice cluster is started with tokens and roles.

Nothing here is asked when it is started without.
"""

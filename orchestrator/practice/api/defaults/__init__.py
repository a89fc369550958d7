"""What a server fills in when a client leaves it out.

Each function changes the object that it is given, which nobody else holds yet.
"""

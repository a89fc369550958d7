"""The small programs that every practice image has, and the shell that calls them.

They see the pod they run in, and nothing of the machine.
"""

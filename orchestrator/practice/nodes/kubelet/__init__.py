"""The kubelet: runs the pods bound to its node and reports on them.

What a container does is a program from outside; the kubelet has no idea of the
shop.
"""

"""The HTTP API: parse, call one service, print.

It decides nothing: rules are in the domain, and what an audience sees in `services.revealing`.
"""

"""Kinds that clients define: what a custom resource definition makes the server serve.

Conversion webhooks and rules in CEL are stored and not acted upon.
"""

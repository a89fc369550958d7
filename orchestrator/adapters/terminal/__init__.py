"""The person at this terminal, as a hand that breaks things."""

from orchestrator.adapters.terminal.hand import TerminalHand

__all__ = ["TerminalHand"]

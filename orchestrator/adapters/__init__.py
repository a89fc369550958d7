"""Where ports meet outside things: one folder each, unaware of each other."""

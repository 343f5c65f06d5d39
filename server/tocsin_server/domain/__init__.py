"""Plain values and the rules on them, by the standard library only."""

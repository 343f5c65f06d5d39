"""What the clock does: work that nobody asks for at the moment it is due."""

"""Who decides the channels, and by which address each is reached."""

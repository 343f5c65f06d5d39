"""What reads rows."""

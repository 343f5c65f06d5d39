"""What is set: one frozen, validated object."""

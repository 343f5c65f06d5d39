"""The frames between bridge and page. Pure."""

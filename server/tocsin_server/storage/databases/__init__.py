"""SQLite and PostgreSQL: how to connect, and what they do differently."""

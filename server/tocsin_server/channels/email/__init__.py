"""E-mail through SMTP relays."""

"""Telegram through a bot."""

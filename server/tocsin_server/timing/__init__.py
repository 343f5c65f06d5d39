"""Mechanisms of time, each once."""

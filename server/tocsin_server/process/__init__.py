"""This process and its children: start, end, signals, ports."""

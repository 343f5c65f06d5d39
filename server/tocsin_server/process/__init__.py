"""This process and its children: start, end, signals, memory, ports."""

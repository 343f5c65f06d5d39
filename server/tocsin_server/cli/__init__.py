"""The command ``tocsin``: parse, call, print, exit.

``client_commands`` are what people and scripts do with a running server: ``connection`` gives them their common
options and turns errors into one line and an exit status, ``arguments`` reads what was typed, ``describe`` words
what became of a notification, ``output`` prints it. They talk to the server like any other client and import
nothing of it but how files for TLS are checked.

Exit statuses: 0 done; 1 the call was refused or failed; 2 the command was used wrongly, or ``send --wait`` saw its
notification fail; 3 ``send --wait`` gave up waiting; 130 after Ctrl-C.
"""

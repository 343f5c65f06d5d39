"""The command ``tocsin``: parse, call, print, exit.

- `app` — which commands there are.
- `serve_command`, `worker_command`, `bridge_command`, `mcp_command` — what serves; `banner` is what it says of itself.
- `check_command`, `database_commands`, `token_command` — what operators do on the machine, without a server.
- `client_commands`, with `send_command`, `watch_command`, `contact_command`, `decide_command`, `operator_commands`,
  `person_commands` and `rule_commands` — what people and scripts do with a running server. `connection` gives them
  their common options and turns errors into one line and an exit status, with `fields` in the words of who typed the
  command; `options` and `arguments` read what was typed, `describe` words what became of a notification, `output`
  prints it. They talk to the server like any other client and import nothing of it but how files for TLS are checked.

Exit statuses: 0 done; 1 the call was refused or failed; 2 the command was used wrongly, or ``send --wait`` saw its
notification fail; 3 ``send --wait`` gave up waiting; 130 after Ctrl-C.
"""

"""The conformance suite of the clients: one set of scenarios, played through a driver of each language.

- `scenarios` reads them, and fills in their variables.
- `worlds` starts the servers that they are about: the real one in a process, one with short times, scripted ones.
- `newer` makes messages as a server newer than the clients would.
- `drivers` starts a language's program and puts questions to it.
- `matching` holds what came back against what is expected.
- `playing` plays one scenario with one driver.
- `report` shows the outcome: a row for each scenario, a column for each language.

``clients/conformance/README.md`` describes the protocol of the drivers and the form of the scenarios.
"""

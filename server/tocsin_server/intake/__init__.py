"""The use cases between an RPC and the store: what is asked for is routed, then stored, or changed if that is allowed.

A request arrives here as a plain value that is right in form (`tocsin_server.rpc.convert` made it). ``accepting`` takes
in what is to be sent; ``intervening`` cancels and retries. This is the place from which routing may read: contacts,
rules and policies belong here. Of the store it knows ports (`tocsin_server.domain.ports`).
"""

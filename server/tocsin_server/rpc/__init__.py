"""The gRPC server: the contract on one side, the store, the feed and the rules on the other.

`server` registers and listens, `services` has one module for each service with a coroutine per RPC, `convert` is the
only place where protobuf messages are read and built, `validation` has the rules for plain values, `auth` tells who
calls and what they may, `status` turns errors into gRPC statuses, `page_token` and `idempotency` write the two opaque
texts of the contract.
"""

"""What is kept, and how it is written durably.

`opening` gives the `domain.ports.Store` for a URL. From there down:

- `databases.sqlite` and `databases.postgresql` — the two stores: their transactions, and what their errors mean.
- `sql_store` — what they share: each call is read, or handed to `writer`, whose transactions many calls share.
- `catalogue` — all operations and queries, put together for one database.
- `operations` — what changes rows, a module for each thing that is done; their methods are the handlers of the writer.
- `queries` — what reads rows, and the rows by the names of their columns.
- `databases` — how statements are compiled, and in `databases.dialect` all that the databases do differently.
- `schema` — the tables, and the migrations that lead to them.

A statement stands in its class, above the method that runs it (`databases.statements.compiled`). Which rows are due,
and what a notification's status is, are rules of `domain.channel_row`; tests hold the SQL against them.
"""

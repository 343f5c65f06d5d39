"""What is kept, and how it is written durably.

`store` is the protocol that the rest of the server sees; `opening` gives one for a URL. `sql_store` is what its two
implementations share, `sqlite` on one file (`sqlite_file` opens and locks it) and `postgresql` for any number of
processes (`postgresql_connection` tells how to connect and what errors mean). `tables` is the schema, `migrations` the
numbered steps to it, `migrating` takes them. `writer` is the group commit; `accepting`, `claims`, `feeds` and
`interventions` are what is written in its transactions; `rows` and `listing` read. `statements` and `batches` compile
queries, and are where the two databases differ.
"""

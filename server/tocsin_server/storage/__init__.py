"""What is kept, and how it is written durably.

`store` is the protocol that the rest of the server sees, `sqlite` its implementation on one file. `tables` is the
schema, `migrations` the numbered steps to it, `database` opens and locks the file. `writer` is the group commit;
`accepting`, `claims`, `feeds` and `interventions` are what is written in its transactions; `rows` and `listing` read.
"""

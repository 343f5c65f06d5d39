"""Keep the counts of limits in the order in which they leave, without an index for that.

Counts are mostly of recipients, spread over their table. Each new one touched a page of the table and one of the index,
which cost more than all else that a limit costs. The end of the window now leads the key, and a recipient's counts
towards several limits stand side by side.
"""

from peewee import PostgresqlDatabase

POSTGRESQL = """
DROP INDEX policy_counts_ended;
ALTER TABLE policy_counts DROP CONSTRAINT policy_counts_pkey;
ALTER TABLE policy_counts ADD PRIMARY KEY (window_end, key, policy, window_start);
"""

# SQLite keeps the rows in their key, which makes the table anew.
SQLITE = (
    "ALTER TABLE policy_counts RENAME TO unordered_counts",
    (
        'CREATE TABLE "policy_counts" ("policy" TEXT NOT NULL, "key" TEXT NOT NULL, "window_start" TIMESTAMP NOT NULL,'
        ' "window_end" TIMESTAMP NOT NULL, "count" INTEGER NOT NULL CHECK (count >= 0),'
        ' PRIMARY KEY ("window_end", "key", "policy", "window_start")) WITHOUT ROWID'
    ),
    "INSERT INTO policy_counts SELECT policy, key, window_start, window_end, count FROM unordered_counts",
    "DROP TABLE unordered_counts",
)


def up(migrator, db):
    if isinstance(db, PostgresqlDatabase):
        db.execute_sql(POSTGRESQL)
        return
    for statement in SQLITE:
        db.execute_sql(statement)

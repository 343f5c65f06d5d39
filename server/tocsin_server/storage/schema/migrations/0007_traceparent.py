"""Keep with each notification what its sending is traced by, for the attempts that come later."""

COLUMN = """ALTER TABLE notifications ADD COLUMN "traceparent" TEXT"""


def up(migrator, db):
    db.execute_sql(COLUMN)

#!/bin/bash
# A streaming replica: it begins with a copy of the primary, and goes on with the primary's log.
# One that has been away for longer than the primary keeps its log (wal_keep_size) needs a new copy: remove its volume.
set -euo pipefail
export PGPASSWORD="$REPLICATION_PASSWORD"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  # What an interrupted copy has left would be in the way of the next.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup -D "$PGDATA" -d "host=$PRIMARY_HOST port=$PRIMARY_PORT user=replicator" --write-recovery-conf --checkpoint=fast
  chmod 700 "$PGDATA"
fi
exec postgres -D "$PGDATA" "$@"

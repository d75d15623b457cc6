#!/bin/bash
# A streaming replica: it begins with a copy of the primary, and then follows the primary's write-ahead log.
# A replica that was away for longer than the primary keeps its log (wal_keep_size) needs a new copy: remove its
# volume.
set -euo pipefail
export PGPASSWORD="$REPLICATION_PASSWORD"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  # The remains of an interrupted copy would be in the way of the next one.
  find "$PGDATA" -mindepth 1 -delete
  pg_basebackup -D "$PGDATA" -d "host=$PRIMARY_HOST port=$PRIMARY_PORT user=replicator" --write-recovery-conf --checkpoint=fast
  chmod 700 "$PGDATA"
fi
exec postgres -D "$PGDATA" "$@"

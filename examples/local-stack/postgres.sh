# PostgreSQL in the foreground, for this machine only: sh postgres.sh DIRECTORY PORT
#
# The first time, it makes the database in DIRECTORY; its password is POSTGRES_PASSWORD. PostgreSQL never runs as
# root: started by root, it runs as the user `postgres`, which its packages make.
set -eu
data=$1
port=$2

# Debian and its descendants keep the server off the PATH.
for bin in $(dirname "$(command -v initdb || echo /nowhere/initdb)") /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && found=$bin
done
if [ -z "${found:-}" ]; then
    echo "there is no PostgreSQL on the PATH or in /usr/lib/postgresql: install it, on Debian with 'apt install postgresql'"
    exit 1
fi

become=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$data"
    become="setpriv --reuid=postgres --regid=postgres --init-groups"
    if ! $become test -w "$data"; then
        echo "the user postgres cannot get at $data: move the program out of a directory that only root may enter"
        exit 1
    fi
fi

# Made beside its place, so that one that was cut off is never taken for whole.
if [ ! -d "$data/cluster" ]; then
    rm -rf "$data/cluster.part" "$data/password"
    printf '%s\n' "$POSTGRES_PASSWORD" | $become sh -c 'umask 077; cat > "$1"' - "$data/password"
    $become "$found/initdb" --pgdata="$data/cluster.part" --username=postgres --auth=scram-sha-256 \
        --pwfile="$data/password" --encoding=UTF8 --no-instructions
    rm "$data/password"
    mv "$data/cluster.part" "$data/cluster"
fi
unset POSTGRES_PASSWORD

exec $become "$found/postgres" -D "$data/cluster" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories=

# First start: the database and its account from MARIADB_..., then the scripts of docker-entrypoint-initdb.d. Then serve.
set -eu
socket=/run/mysqld/mysqld.sock
docker_process_sql() { mariadb --socket="$socket" -uroot "$@"; }
mkdir -p /run/mysqld
chown mysql /run/mysqld /var/lib/mysql
if [ ! -d /var/lib/mysql/mysql ]; then
  mariadb-install-db --user=mysql --datadir=/var/lib/mysql > /dev/null
  mariadbd --user=mysql --skip-networking --socket="$socket" &
  first=$!
  until docker_process_sql -e 'SELECT 1' > /dev/null 2>&1; do sleep 0.2; done
  docker_process_sql -e "CREATE DATABASE $MARIADB_DATABASE;
    CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$(cat "$MARIADB_PASSWORD_FILE")';
    GRANT ALL ON $MARIADB_DATABASE.* TO '$MARIADB_USER'@'%'"
  for script in /docker-entrypoint-initdb.d/*.sh; do . "$script"; done
  kill "$first"
  wait "$first" || true
fi
exec mariadbd --user=mysql --bind-address=0.0.0.0 --skip-name-resolve --socket="$socket" "$@"

# Run once by MariaDB's image, when the database is made: the account that CoreDNS reads with. It can change nothing.
# (Sourced, not started: the file is not executable. `docker_process_sql` is the image's own.)
docker_process_sql --database=mysql <<SQL
CREATE USER 'coredns_reader'@'%' IDENTIFIED BY '$(cat /run/secrets/db_reader)';
GRANT SELECT ON \`coredns\`.* TO 'coredns_reader'@'%';
SQL

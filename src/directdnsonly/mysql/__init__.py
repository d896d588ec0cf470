"""A client of MySQL and MariaDB: protocol, errors and SQL text, for backends on a database (and a store on one)."""

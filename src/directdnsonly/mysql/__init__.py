"""A MySQL or MariaDB server: its protocol, its errors, its text; for backends that write tables, and for a store on one."""

"""PowerDNS's tables for its generic MySQL back end, as its version 4.7 and later expect them."""

from __future__ import annotations

_LATIN = "ENGINE=InnoDB CHARACTER SET latin1"

TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS domains (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL,"
        " master VARCHAR(128) DEFAULT NULL, last_check INT DEFAULT NULL, type VARCHAR(8) NOT NULL,"
        " notified_serial INT UNSIGNED DEFAULT NULL, account VARCHAR(40) CHARACTER SET utf8 DEFAULT NULL,"
        " options VARCHAR(64000) DEFAULT NULL, catalog VARCHAR(255) DEFAULT NULL,"
        f" UNIQUE KEY name_index (name), KEY catalog_idx (catalog)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS records (id BIGINT AUTO_INCREMENT PRIMARY KEY, domain_id INT DEFAULT NULL,"
        " name VARCHAR(255) DEFAULT NULL, type VARCHAR(10) DEFAULT NULL, content VARCHAR(64000) DEFAULT NULL,"
        " ttl INT DEFAULT NULL, prio INT DEFAULT NULL, disabled TINYINT(1) DEFAULT 0,"
        " ordername VARCHAR(255) BINARY DEFAULT NULL, auth TINYINT(1) DEFAULT 1, KEY nametype_index (name, type),"
        f" KEY domain_id (domain_id), KEY ordername (ordername)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS supermasters (ip VARCHAR(64) NOT NULL, nameserver VARCHAR(255) NOT NULL,"
        f" account VARCHAR(40) CHARACTER SET utf8 NOT NULL, PRIMARY KEY (ip, nameserver)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS comments (id INT AUTO_INCREMENT PRIMARY KEY, domain_id INT NOT NULL,"
        " name VARCHAR(255) NOT NULL, type VARCHAR(10) NOT NULL, modified_at INT NOT NULL,"
        " account VARCHAR(40) CHARACTER SET utf8 DEFAULT NULL, comment TEXT CHARACTER SET utf8 NOT NULL,"
        f" KEY comments_name_type_idx (name, type), KEY comments_order_idx (domain_id, modified_at)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS domainmetadata (id INT AUTO_INCREMENT PRIMARY KEY, domain_id INT NOT NULL,"
        f" kind VARCHAR(32), content TEXT, KEY domainmetadata_idx (domain_id, kind)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS cryptokeys (id INT AUTO_INCREMENT PRIMARY KEY, domain_id INT NOT NULL,"
        " flags INT NOT NULL, active BOOL, published BOOL DEFAULT 1, content TEXT,"
        f" KEY domainidindex (domain_id)) {_LATIN}"
    ),
    (
        "CREATE TABLE IF NOT EXISTS tsigkeys (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255),"
        f" algorithm VARCHAR(50), secret VARCHAR(255), UNIQUE KEY namealgoindex (name, algorithm)) {_LATIN}"
    ),
)

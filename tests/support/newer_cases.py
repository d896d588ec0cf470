"""Zones of example.com that some versions of a name server load and later ones do not, and neighbours that all load."""

from __future__ import annotations

HEAD = (
    "$ORIGIN example.com.\n$TTL 300\n"
    "example.com. 300 IN SOA ns1.host.example. h.example.com. 1 3600 3600 3600 300\n"
    "example.com. 300 IN NS ns1.host.example.\n"
)
DS = "12345 13 2 " + "ab" * 32
# By type of name server: records, and the words of the rule that finds them (empty: none).
CASES = {
    "bind": [
        (f"sub.example.com. 300 IN DS {DS}\n", "a DS where nothing is delegated"),
        (f"sub.example.com. 300 IN DS {DS}\nsub.example.com. 300 IN NS x.example.\n", ""),
        ("_dns.example.com. 300 IN SVCB 1 svc.example.\n", "SVCB without"),
        ('_dns.example.com. 300 IN SVCB 1 svc.example. alpn="h2" port=8443\n', "SVCB without"),
        ('x.example.com. 300 IN SVCB 0 svc.example. alpn="h2"\n', "SVCB without"),
        ('_dns.example.com. 300 IN SVCB 1 svc.example. alpn="dot"\nx.example.com. 300 IN HTTPS 0 a.\n', ""),
        ('u.example.com. 300 IN URI 1 1 ""\n', "URI without"),
        ('u.example.com. 300 IN URI 1 1 "https://x.example/"\n', ""),
        ("k.example.com. 300 IN DNSKEY 256 3 253 qg==\n", "private algorithms"),
        ("k.example.com. 300 IN CDNSKEY 256 3 254 qg==\n", "private algorithms"),
        ("k.example.com. 300 IN DNSKEY 256 3 8 AQPSKmynfzW4\n", ""),
    ],
    "nsd": [
        ("h.example.com. 300 IN TYPE23 \\# 7 01610162016300\n", "NSAP-PTR"),
        ("d.example.com. 300 IN TYPE49 \\# 3 000000\n", "DHCID of less"),
        ("d.example.com. 300 IN TYPE49 \\# 1 00\n", "DHCID of less"),
        ("d.example.com. 300 IN TYPE49 \\# 4 00000000\n", ""),
        ("d.example.com. 300 IN TYPE49 \\# 35 " + "ab" * 35 + "\n", ""),
        ("t.example.com. 300 IN RRSIG A 8 3 2147483648 20300101000000 20200101000000 1 example.com. AAAA\n", "RRSIG with a TTL"),
        ("t.example.com. 300 IN RRSIG A 8 3 2147483647 20300101000000 20200101000000 1 example.com. AAAA\n", ""),
        ("t.example.com. 300 IN DS 1 8 3 ababababab\n", "DS or CDS of digest type 3"),
        ("t.example.com. 300 IN DS 1 8 3 " + "ab" * 32 + "\n", ""),
        ("t.example.com. 300 IN CDS 1 8 5 ababababab\n", "DS or CDS of digest type 5"),
        ("t.example.com. 300 IN DS 1 8 6 " + "ab" * 48 + "\n", "DS or CDS of digest type 5"),
        ("t.example.com. 300 IN DS 1 8 6 " + "ab" * 32 + "\n", ""),
        ("t.example.com. 300 IN TYPE66 \\# 8 00ff010001017800\n", "DSYNC of scheme 1"),
        ("t.example.com. 300 IN TYPE66 \\# 8 0001010001017800\n", "DSYNC of scheme 1"),
        ("t.example.com. 300 IN TYPE66 \\# 8 003b010001017800\n", ""),
        ("t.example.com. 300 IN TYPE66 \\# 8 00ff020001017800\n", ""),
    ],
    "knot": [
        ("t.example.com. 300 IN KEY \\# 4 c0000308\n", "KEY without a key"),
        ("t.example.com. 300 IN KEY \\# 5 c000030801\n", ""),
    ],
}  # fmt: skip

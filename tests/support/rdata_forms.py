"""RDATA of every type that we know of, as a person writes it."""

from __future__ import annotations

# RDATA as a person writes it; {} is a name.
RDATA = {
    "A": ["192.0.2.1"], "AAAA": ["2001:db8::1", "::ffff:192.0.2.1", "::", "1:0:0:2::"], "NS": ["{}"], "CNAME": ["{}"],
    "PTR": ["{}"], "DNAME": ["{}"], "MX": ["10 {}"], "SRV": ["1 2 3 {}"], "RP": ["{} {}"], "AFSDB": ["1 {}"], "KX": ["1 {}"],
    "TXT": ['"v=DMARC1; p=none"', "a b", '"\\"\\\\\\009" ""'], "SPF": ['"v=spf1 -all"'], "HINFO": ['cpu "o s"'],
    "NAPTR": ['1 2 "u" "sip" "!^.*$!sip:x@y!" {}', '1 2 "s" "x" "" {}', '1 2 "" "" "!(a|b)+[0-9a-f]{{2}}!\\\\1!i" {}'],
    "HTTPS": ['1 {} alpn="h2,h3" port=8443', "0 {}", '1 . alpn=h2 key7="/q{{?dns}}"', "1 {} key65000=a mandatory=port port=1"],
    "SVCB": ["1 {} ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", "2 {} alpn=h2 no-default-alpn"],
    "CAA": ['0 issue "ca.example; x=y"', '128 ISSUEWILD ";"', '0 contactemailaddresses "a@b"'],
    "DS": ["1 8 2 " + "ab" * 32], "CDS": ["0 0 0 00"], "TLSA": ["3 1 1 " + "ab" * 32], "SMIMEA": ["3 1 1 " + "ab" * 32],
    "SSHFP": ["1 1 " + "ab" * 20], "LOC": ["51 30 12.748 N 0 7 39.612 W 0.00m"], "CERT": ["PKIX 1 RSASHA256 AAAA", "1 1 6 AQI="],
    "DNSKEY": ["256 3 13 " + "A" * 86 + "=="], "CDNSKEY": ["0 3 0 AA=="], "OPENPGPKEY": ["AQID"], "URI": ['10 1 "https://x/"'],
    "RRSIG": ["A 8 2 300 20300101000000 20200101000000 1 z. AAAA", "TYPE55 8 2 300 20300101000000 20200101000000 1 . AAAA"],
    "NSEC": ["{} A NS RRSIG", "{} HIP TYPE65300"], "NSEC3": ["1 0 10 abcd 2vptu5timamqttgl4luu9kg21e0aor3s A WKS"],
    "NSEC3PARAM": ["1 0 0 -"], "CSYNC": ["1 3 A NS TYPE300"], "ZONEMD": ["1 1 1 " + "ab" * 48], "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"], "APL": ["1:192.168.32.0/21 !1:192.168.38.0/28"], "RT": ["1 {}"], "PX": ["1 {} {}"],
    "IPSECKEY": ["1 3 2 {} AAAA", "1 1 2 192.0.2.1 AAAA", "1 0 2 . AAAA"], "NSAP-PTR": ["{}"], "ISDN": ['"1"'], "LP": ["1 {}"],
    "DHCID": ["AAAA"], "AMTRELAY": ["1 0 3 {}", "1 1 1 192.0.2.1"], "GPOS": ["1.5 2 3"], "X25": ['"31133"'], "NID": ["1 0:0:0:1"],
    "HIP": ["2 200100107B1A74DF365639CC39F1D578 AAAA {}"], "TYPE65300": ["\\# 4 0a000001", "\\# 0"], "TYPE7": ["\\# 3 016100"],
    "WKS": ["192.0.2.1 6 25"], "TYPE259": ["\\# 1 00"], "KEY": ["256 3 8 AAAA"], "L32": ["1 192.0.2.1"], "TYPE40": ["\\# 3 010101"],
}  # fmt: skip

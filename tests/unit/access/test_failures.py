"""What a failed login costs its address and no other."""

from __future__ import annotations

from directdnsonly.access.failures import FailedLogins, group_of


def test_a_bucket_leaks_and_survives_a_clock_that_is_set_back() -> None:
    failures = FailedLogins(burst=3, leak_s=10, log_every_s=60, remember=3)
    who = ("192.0.2.1", "bob")

    assert [1, 0, 0] == [failures.count(who, 100.0) for _ in range(3)]
    assert 10 == failures.wait_s(who, 100.0)
    assert 4 == round(failures.wait_s(who, 106.0), 6)
    assert 0 == round(failures.wait_s(who, 110.0), 6)
    assert failures.wait_s(who, 50.0) <= 10
    for number in range(10):
        failures.count((f"192.0.2.{100 + number}", ""), 61.0)
    assert (13, 3) == (failures.total, len(failures))


def test_an_ipv6_customer_is_one_address() -> None:
    assert group_of("2001:db8::1") == group_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert "192.0.2.1" == group_of("192.0.2.1") == group_of("::ffff:192.0.2.1")
    assert "fe80::/64" == group_of("fe80::1%eth0")

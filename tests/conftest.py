"""What all tests share."""

import resource

# A login shell of Debian allows 1,024 open files at first; the tests with a thousand connections need more.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
_wanted = 20_000 if _hard == resource.RLIM_INFINITY else min(20_000, _hard)
if _soft != resource.RLIM_INFINITY and _soft < _wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_wanted, _hard))

"""1 receive: DirectAdmin's requests in, its urlencoded answers out; nothing is answered before it is recorded."""

"""1 receive: takes DirectAdmin's HTTP requests and returns its urlencoded answers; never says yes before the commit."""

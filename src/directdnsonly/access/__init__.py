"""Who may do what: credentials, bearer tokens, and the count of failed log-ins."""

"""3 dispatch: a lane per backend drains the outbox; the only place that changes a backend."""

"""2 record: versions of zones and what is still to be delivered, committed before anybody is told so."""

"""2 accept: whoever asks, a zone is read, judged, held or recorded, and the lanes are woken; no HTTP in it."""

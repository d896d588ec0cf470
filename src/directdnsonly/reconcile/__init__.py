"""Stage 6: make what we serve equal to what DirectAdmin owns, and never delete on doubt."""

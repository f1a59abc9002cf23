"""Pre-review, submission, and what comes of decisions."""

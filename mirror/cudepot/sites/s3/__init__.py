"""Sites that are buckets."""

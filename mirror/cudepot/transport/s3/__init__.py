"""Objects of S3 buckets."""

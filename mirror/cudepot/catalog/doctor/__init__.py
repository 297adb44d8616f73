"""What `doctor` knows and how it judges: values, records, rules. Pure."""

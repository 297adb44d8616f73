"""What environments were resolved to: who needs whom in it and why, and what differs between two such. Pure."""

"""What pip decides, without touching anything outside."""

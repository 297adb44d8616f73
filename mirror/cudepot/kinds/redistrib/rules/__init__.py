"""What a redistrib manifest means, without touching anything outside."""

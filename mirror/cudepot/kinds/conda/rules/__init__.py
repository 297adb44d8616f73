"""What conda clients read, without touching anything outside."""

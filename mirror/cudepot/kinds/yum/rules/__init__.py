"""What dnf decides and prints, without touching anything outside."""

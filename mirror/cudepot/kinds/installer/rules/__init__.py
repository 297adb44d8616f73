"""What an installer is asked for, without touching anything outside."""

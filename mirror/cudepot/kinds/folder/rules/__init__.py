"""What a folder is asked for, without touching anything outside."""

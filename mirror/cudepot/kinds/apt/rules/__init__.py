"""What apt decides and prints, without touching anything outside."""

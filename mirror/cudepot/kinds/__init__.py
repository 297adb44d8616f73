"""What is particular to one kind of upstream or package: a folder each, found through the registry."""

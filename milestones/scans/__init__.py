"""What is looked up in Wix on a schedule: near customers, changes that no event told of, everybody."""

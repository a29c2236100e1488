"""The rules, pure: standard library only; time, randomness and settings are arguments."""

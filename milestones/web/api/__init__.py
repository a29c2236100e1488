"""The operator's routes: the same on the local socket and wherever else they are mounted. They ask nobody who is calling."""

"""``milestones``, and ``python -m milestones``."""

from milestones.cli.app import main

if __name__ == "__main__":
    main()

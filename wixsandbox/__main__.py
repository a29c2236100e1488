"""``wixsandbox``, and ``python -m wixsandbox``."""

from wixsandbox.command import main

if __name__ == "__main__":
    main()

"""`python -m app` is `berth`."""

from app.cli import main

if __name__ == "__main__":
    main()

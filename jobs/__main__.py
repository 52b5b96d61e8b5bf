"""`python -m jobs` is the command line `lake`."""

from jobs.cli import main

if __name__ == "__main__":
    main()

"""`python -m harness.cli` is `t2s`."""

from harness.cli import main

if __name__ == "__main__":
    main()

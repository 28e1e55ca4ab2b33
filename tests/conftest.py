"""What holds for every test."""

import signal


def pytest_configure():
    """Take Ctrl-C as a program in the foreground does: tests send it, and a shell's background job ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)

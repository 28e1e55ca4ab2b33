import os
import signal
import threading

import pytest

from trainer.interruption import Interruption, Stopped


@pytest.fixture(autouse=True)
def _usual_handlers():
    """Set the handlers of a program in the foreground, whoever started the tests, and put the old ones back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_old_handlers_are_back(number, capfd):
    interruption = Interruption()
    with interruption.listening():
        os.kill(os.getpid(), number)
        assert interruption.number == number
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert "stopping after this optimizer step" in capfd.readouterr().err


def test_a_second_signal_stops_at_once():
    with Interruption().listening():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_old_handlers_are_back_when_the_block_is_left():
    listening = Interruption().listening()
    listening.__enter__()
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    listening.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption().listening():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_sets_no_handlers():
    seen = []

    def work():
        with Interruption().listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_the_message_names_folder_signal_and_step():
    words = "out: stopped by SIGTERM at step 7 of 10, which is saved; the same command with --resume goes on from there"
    assert str(Stopped("out", signal.SIGTERM, 7, 10)) == words

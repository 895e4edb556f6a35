"""A run that a shell started in the background ignores Ctrl-C; tests of Ctrl-C need it heard."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

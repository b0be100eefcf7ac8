"""What every test stands on."""

import signal

# A shell starts what runs in the background with SIGINT ignored, and children inherit that: the
# tests that interrupt a command would wait for ever. A handler of our own is the default in them.
signal.signal(signal.SIGINT, signal.default_int_handler)

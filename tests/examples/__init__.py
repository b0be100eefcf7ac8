"""The examples, each run from a folder of its own, with nothing of this repository's but what it releases."""

"""The parts of the program, each usable from another Pulumi program: import them by module."""

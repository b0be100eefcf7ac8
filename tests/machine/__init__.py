"""What stands below and around a stack: the lab's host, Minikubes, tools, packages, workflows."""

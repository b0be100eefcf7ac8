"""Shows which version answers: line by line, or as a board that shows where a change is stuck."""

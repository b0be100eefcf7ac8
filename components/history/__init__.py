"""The splits that were proved, and which of them a rollback may go back to."""

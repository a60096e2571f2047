"""The pages of a migration: runs, what they rejected, what was decided, and the cutover."""

"""Working on a board that keeps its prompt: new code onto it without flashing, its log, its restart."""

"""Media in a run: values whose files are encoded, written and uploaded beside the rows."""

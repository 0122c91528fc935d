"""Tables: rows of cells in typed columns, with media in them, and what is made of several."""

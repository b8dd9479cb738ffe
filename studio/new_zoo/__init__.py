"""A zoo of one's own: what lies in folders is found, joined with tables, checked and written."""

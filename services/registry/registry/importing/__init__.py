"""Excel import: a sheet of pupils becomes drafts, as a job that survives whatever happens to its process."""

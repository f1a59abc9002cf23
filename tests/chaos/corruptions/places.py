"""Where corruptions are planted."""

from typing import Final

APPROVED: Final = "SELECT case_id FROM decision WHERE outcome = 'approved' AND final ORDER BY case_id LIMIT 1"
A_DRAFT: Final = "SELECT id FROM student WHERE status = 'draft' ORDER BY id LIMIT 1"
"""Of drafts nothing has left registry: what is done to one shows nowhere else."""

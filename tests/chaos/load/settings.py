"""How many people work, how fast, and how often they do what is unusual."""

from dataclasses import dataclass

Share = float
"""0.0 for never, 1.0 for always."""


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """The load of one stack."""

    schools: int = 2
    """Each with a registrar and a photographer."""
    classes: int = 12
    """Of each school, 45 pupils in each."""
    officers: int = 2
    """Of the one authority of all schools; they take cases from the same list."""
    apart: bool = False
    """Whether each takes another page of it, so that they are rarely told that a colleague was faster."""
    sheet: int = 15
    """Rows of a workbook."""
    pause: float = 2.0
    """Seconds between two pieces of work of a person, on average."""
    between_rounds: float = 2.0
    """Seconds between two looks of a clerk at what may be submitted, on average."""
    between_sheets: float = 2.0
    """Seconds between two workbooks of a registrar, on average."""
    between_looks: float = 0.5
    """Seconds between two looks at an import that is worked on, on average."""
    submitted: int = 60
    """Pupils whom a clerk submits in one call, at most."""
    approved: int = 40
    """Cases that an officer approves in one call, at most."""
    most: int | None = None
    """Workbooks that a registrar imports; None: until she is told to stop, or every class is full."""
    faults: Share = 0.05
    """Rows with a fault that a clerk makes."""
    reasoned: Share = 0.0
    """Workbooks whose every row says why something is unusual (情况说明), so that nothing is left to be explained."""
    dry_runs: Share = 0.5
    """Workbooks that are checked first and then carried out."""
    twice: Share = 0.15
    """What is sent again, under the same key, after it was acknowledged; workbooks that are uploaded again."""
    altered: Share = 0.03
    """What is sent again under the same key with another body: it must be refused."""
    photographed: Share = 1.0
    """Workbooks whose children are photographed. Less than all wants REGISTRY_PHOTO_REQUIRED=false."""
    singles: Share = 0.3
    """Photos that are sent one by one instead of in a ZIP."""
    edits: Share = 0.15
    """Drafts that are changed before they are submitted."""
    withdrawals: Share = 0.03
    """Requests that the school asks to have back."""
    removals: Share = 0.02
    """Drafts that are taken back."""
    returns: Share = 0.05
    """Cases that are sent back."""
    rejections: Share = 0.01
    """Cases that are refused for good."""
    sign_ins: Share = 0.02
    """Pieces of work before which a person signs in anew."""


NATION = {
    "NATION_REPEATS": "0.3",
    "NATION_REORDERS": "0.3",
    "NATION_DELAYS": "0.1",
    "NATION_DELAY": "PT2S",
    "NATION_REJECTS": "0.02",
    "NATION_PROBLEMS": "0.05",
    "NATION_BATCH": "100",
}
"""It repeats, reorders and delays its answers."""

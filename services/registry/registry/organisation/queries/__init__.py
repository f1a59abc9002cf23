"""What other areas, and pages, ask about organisations."""

from registry.organisation.queries.pages import Wanted, detail, page
from registry.organisation.queries.schools import School, authority_of, links, schoolings, schools, schools_by_code
from registry.organisation.queries.sight import (
    Place,
    below,
    may_see,
    own_school,
    places,
    require_authority_over,
    require_may_create,
    require_may_edit,
    require_own_school,
    require_sight,
    subtree,
    within,
)
from registry.organisation.queries.speaking import changed

__all__ = [
    "Place",
    "School",
    "Wanted",
    "authority_of",
    "below",
    "changed",
    "detail",
    "links",
    "may_see",
    "own_school",
    "page",
    "places",
    "require_authority_over",
    "require_may_create",
    "require_may_edit",
    "require_own_school",
    "require_sight",
    "schoolings",
    "schools",
    "schools_by_code",
    "subtree",
    "within",
]

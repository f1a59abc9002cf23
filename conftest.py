"""What every test of the house may stand on: real servers, fresh databases.

`postgres_server`, `kafka_server`, `fresh_database`, `template_database`, `own_postgres`, `own_kafka`: see
`tests/harness/stack.py`. Nothing starts before a test asks for it.
"""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # so that `from tests.harness.eventually import eventually` works everywhere

pytest_plugins = ["tests.harness.stack", "tests.harness.whole"]

# A crowded machine draws slowly; that says nothing about what is tested.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

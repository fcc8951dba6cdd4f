"""The OpenAPI document against the routes: whatever it allows is never a server error."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from vae_core.api import create_app
from vae_core.store import Store

STORE = Store()
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: STORE))


@SCHEMA.hook
def map_path_parameters(context, path_parameters):
    """A model that there is, so that what lies behind its name is reached."""
    if path_parameters and "model" in path_parameters:
        path_parameters["model"] = "digits-2d"
    return path_parameters


@SCHEMA.parametrize()
@settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_allowed_is_a_server_error(case) -> None:
    answer = case.call()
    case.validate_response(answer, checks=[not_a_server_error])
    assert answer.status_code == 200 or "detail" in answer.json()

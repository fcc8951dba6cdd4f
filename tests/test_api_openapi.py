"""The OpenAPI document against the routes: whatever it allows is never a server error."""

import re
from collections.abc import Callable

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from vae_core.api import create_app
from vae_core.store import Store

STORE = Store()
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: STORE))

SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def _test_of(operation: APIOperation) -> Callable[..., None]:
    """A route's test. Each has a name: those that one parametrize() makes share an id."""

    @SCHEMA.include(path=operation.path, method=operation.method).parametrize()
    @settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=SLOW)
    def nothing_that_is_allowed_is_a_server_error(case: Case) -> None:
        if "model" in case.path_parameters:
            case.path_parameters["model"] = "digits-2d"  # what lies behind a name is reached
        answer = case.call()
        case.validate_response(answer, checks=[not_a_server_error])
        assert answer.status_code == 200 or "detail" in answer.json()

    return nothing_that_is_allowed_is_a_server_error


for _operation in (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)):
    _name = re.sub(r"\W+", "_", _operation.label).strip("_").lower()
    globals()[f"test_allows_no_server_error_{_name}"] = _test_of(_operation)


def test_each_route_is_tested() -> None:
    made = [name for name in globals() if name.startswith("test_allows")]
    assert len(made) == SCHEMA.statistic.operations.total

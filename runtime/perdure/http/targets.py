"""The body of `POST /restate/attach`, `output` and `lookup`: which invocation is meant."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from perdure.admission import invocation_id
from perdure.core.ids import idempotent_id, workflow_id
from perdure.errors import RequestRefused
from perdure.http.paths import refuse_scope


class _ById(msgspec.Struct, tag_field="target", tag="invocation", rename="camel", frozen=True):
    invocation_id: str

    def id(self) -> bytes:
        return invocation_id(self.invocation_id)


class _ByWorkflow(msgspec.Struct, tag_field="target", tag="workflow", rename="camel", frozen=True):
    workflow_name: str
    workflow_key: str
    scope: str | None = None

    def id(self) -> bytes:
        if self.scope is not None:
            raise refuse_scope(self.scope)
        return workflow_id(self.workflow_name, self.workflow_key)


class _ByKey(msgspec.Struct, tag_field="target", tag="idempotentInvocation", rename="camel", frozen=True):
    service: str
    handler: str
    idempotency_key: str
    key: str | None = None
    scope: str | None = None

    def id(self) -> bytes:
        if self.scope is not None:
            raise refuse_scope(self.scope)
        return idempotent_id(self.service, self.key, self.handler, self.idempotency_key)


_Named: TypeAlias = _ById | _ByWorkflow | _ByKey
_decoder: msgspec.json.Decoder[_Named] = msgspec.json.Decoder(_Named)


def target_id(body: bytes) -> bytes:
    """Id of the invocation that a body names. It is computed: there may be no such invocation.

    Raises:
        RequestRefused: 400; the message names the field.
    """
    try:
        return _decoder.decode(body).id()
    except msgspec.DecodeError as e:
        raise RequestRefused(f"bad target: {e}", code=400) from None

"""Who is calling, and what they may do."""

import msgspec

from orbit_contacts.core.errors import InsufficientPermissions

ROLES = ("owner", "admin", "developer", "viewer", "billing")

SCOPES: dict[str, str] = {
    "contacts:read": "Read contacts and everything attached to them.",
    "contacts:write": "Create, change, tag, import and delete contacts.",
    "frequency_caps:read": "Read frequency caps.",
    "frequency_caps:write": "Create, change and delete frequency caps.",
    "webhooks:read": "Read webhooks and their deliveries.",
    "webhooks:write": "Create, change and delete webhooks.",
    "compliance:read": "Read consent records and the suppression list.",
    "compliance:write": "Record consent, change the suppression list.",
    "compliance:import": "Import a suppression list (owners and admins).",
    "custom_fields:read": "Read custom field definitions.",
    "custom_fields:write": "Create, change and delete custom fields and their values.",
    "api_keys:read": "List API keys.",
    "api_keys:write": "Create, rotate and revoke API keys.",
    "audit:read": "Read the audit log.",
    "settings:write": "Change the workspace's settings.",
}

_ADMIN_ONLY = ("webhooks", "api_keys", "audit", "settings", "compliance:import")

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "owner": frozenset(SCOPES),
    "admin": frozenset(SCOPES),
    "developer": frozenset(scope for scope in SCOPES if not scope.startswith(_ADMIN_ONLY)),
    "viewer": frozenset(s for s in SCOPES if s.endswith(":read") and not s.startswith(_ADMIN_ONLY)),
    "billing": frozenset(),
}


def expand(scopes: list[str], role: str | None) -> frozenset[str]:
    """The scopes a credential grants: `*` is everything, `contacts:*` both verbs; none means viewer."""
    if not scopes:
        return ROLE_SCOPES[role or "viewer"]
    granted: set[str] = set()
    for scope in scopes:
        if scope == "*":
            granted |= SCOPES.keys()
        elif scope.endswith(":*"):
            granted |= {known for known in SCOPES if known.startswith(scope[:-1])}
        else:
            granted.add(scope)
    return frozenset(granted)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated caller; every statement of a request is bound by its `workspace_id`."""

    workspace_id: int
    cell_count: int
    mode: str
    scopes: frozenset[str]
    actor_type: str
    actor_id: str
    actor_name: str
    role: str | None = None
    public: bool = False
    default_region: str | None = None
    allowed_ips: tuple[str, ...] = ()
    expires_at: int | None = None

    @property
    def actor(self) -> str:
        return f"{self.actor_type}:{self.actor_id}"

    def require(self, scope: str) -> None:
        if self.public:
            raise InsufficientPermissions(
                "A public key opens the `/sdk` doors only.",
                field="X-API-Key",
                value="a public key",
                expected=f"a secret key with the scope `{scope}`",
            )
        if scope not in self.scopes:
            raise InsufficientPermissions(
                f"This needs the scope `{scope}`.", field="scope", value=sorted(self.scopes), expected=scope
            )

    def cell(self, number: int) -> int:
        """The cell id of cell `number` of the caller's workspace (design: workspace_id * 1024 + k)."""
        return self.workspace_id * 1024 + number

    @property
    def cells(self) -> list[int]:
        return [self.workspace_id * 1024 + k for k in range(self.cell_count)]

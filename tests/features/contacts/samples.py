"""Contacts for the generated calls."""

from tests.generated.samples import Samples, word

SAMPLES = Samples(
    makers={
        "con": lambda api, own: api.contact(
            email=f"{word()}@example.com",
            phone=f"+1415{int(word(), 16) % 8_000_000 + 2_000_000}",
            external_id=word(),
            first_name="Amina",
            last_name="Haddad",
            company="Levant Textiles",
            tags=["kept"],
            metadata={"plan": "pro"},
        )["id"]
    },
    fields={"external_id": None},
    bodies={
        "create_contact": lambda own: {"email": f"{word()}@example.com"},
        "change_contact_settings": lambda own: {"default_country_code": "TR"},
    },
    before={"restore_contact": lambda api, own: api.delete(f"/contacts/{own['con']}", params={"soft": "true"})},
)

"""The columns of the exports people bring from elsewhere.

A product is recognised by columns that only it writes. Its table then says for each column which field it
is, or None for what is not about the contact. `#` stands for the number in `Phone 2 - Value`: the first
gives the field, the others go to the metadata.
"""

from typing import NamedTuple


class Product(NamedTuple):
    """Where a file comes from: the groups of columns that prove it (one group is enough), and its fields."""

    name: str
    proofs: tuple[frozenset[str], ...]
    fields: dict[str, str | None]


# Outlook and HubSpot have several numbers; the earlier in this order, the likelier it is the one to use.
PHONE_ORDER = (
    "Mobile Phone Number",
    "Mobile Phone",
    "WhatsApp Phone Number",
    "Phone Number",
    "Primary Phone",
    "Business Phone",
    "Home Phone",
    "Company Main Phone",
    "Other Phone",
    "Car Phone",
    "Business Phone 2",
    "Home Phone 2",
)

GOOGLE = Product(
    "Google Contacts",
    (
        frozenset(("Phone 1 - Value", "Labels")),
        frozenset(("E-mail 1 - Value", "Labels")),
        frozenset(("Given Name", "Family Name", "Group Membership")),
        frozenset(("E-mail 1 - Value", "Phone 1 - Value")),
    ),
    {
        "First Name": "first_name",
        "Given Name": "first_name",
        "Last Name": "last_name",
        "Family Name": "last_name",
        "Name": "display_name",
        "Middle Name": "metadata.middle_name",
        "Additional Name": "metadata.middle_name",
        "Nickname": "metadata.nickname",
        "Name Prefix": "metadata.name_prefix",
        "Name Suffix": "metadata.name_suffix",
        "File As": None,
        "Photo": None,
        "Organization Name": "company",
        "Organization # - Name": "company",
        "Organization Title": "metadata.title",
        "Organization # - Title": "metadata.title",
        "Organization Department": "metadata.department",
        "Organization # - Department": "metadata.department",
        "Birthday": "metadata.birthday",
        "Notes": "metadata.notes",
        "Language": "language",
        "Labels": "tags",
        "Group Membership": "tags",
        "E-mail # - Label": None,
        "E-mail # - Type": None,
        "E-mail # - Value": "email",
        "Phone # - Label": None,
        "Phone # - Type": None,
        "Phone # - Value": "phone",
        "Address # - Label": None,
        "Address # - Type": None,
        "Address # - Formatted": "metadata.address",
        "Address # - Street": None,
        "Address # - City": "metadata.city",
        "Address # - PO Box": None,
        "Address # - Region": "metadata.region",
        "Address # - Postal Code": "metadata.postal_code",
        "Address # - Country": "country_code",
        "Website # - Label": None,
        "Website # - Type": None,
        "Website # - Value": "metadata.website",
    },
)

OUTLOOK = Product(
    "Outlook",
    (
        frozenset(("E-mail Address", "Business Phone")),
        frozenset(("E-mail Address", "Mobile Phone")),
        frozenset(("E-mail Address", "E-mail 2 Address")),
        frozenset(("E-mail Display Name", "E-mail Type")),
    ),
    {
        "First Name": "first_name",
        "Last Name": "last_name",
        "Middle Name": "metadata.middle_name",
        "Title": "metadata.name_prefix",
        "Suffix": "metadata.name_suffix",
        "Nickname": "metadata.nickname",
        "E-mail Address": "email",
        "E-mail # Address": "email",
        "E-mail Display Name": None,
        "E-mail # Display Name": None,
        "E-mail Type": None,
        "E-mail # Type": None,
        "Company": "company",
        "Department": "metadata.department",
        "Job Title": "metadata.title",
        "Business Country/Region": "country_code",
        "Home Country/Region": "country_code",
        "Business City": "metadata.city",
        "Home City": "metadata.city",
        "Business Postal Code": "metadata.postal_code",
        "Home Postal Code": "metadata.postal_code",
        "Categories": "tags",
        "Birthday": "metadata.birthday",
        "Notes": "metadata.notes",
        "Web Page": "metadata.website",
        "Personal Web Page": "metadata.website",
        "Language": "language",
        "Business Fax": "metadata.fax",
        "Home Fax": None,
        "Other Fax": None,
        "Pager": None,
        "Initials": None,
        "Priority": None,
        "Private": None,
        "Sensitivity": None,
        "Gender": "metadata.gender",
        **dict.fromkeys(PHONE_ORDER, "phone"),
    },
)

MAILCHIMP = Product(
    "Mailchimp",
    (
        frozenset(("MEMBER_RATING", "OPTIN_TIME")),
        frozenset(("LEID", "EUID")),
        frozenset(("OPTIN_TIME", "OPTIN_IP")),
    ),
    {
        "Email Address": "email",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Phone Number": "phone",
        "Phone": "phone",
        "Company": "company",
        "Address": "metadata.address",
        "Birthday": "metadata.birthday",
        "MEMBER_RATING": "metadata.member_rating",
        "OPTIN_TIME": "consent.proof.time",
        "OPTIN_IP": "consent.proof.ip",
        "CONFIRM_TIME": "consent.proof.confirmed_time",
        "CONFIRM_IP": "consent.proof.confirmed_ip",
        "UNSUB_TIME": "consent.email.opted_out",
        "UNSUB_REASON": "consent.proof.reason",
        "UNSUB_REASON_OTHER": None,
        "UNSUB_CAMPAIGN_TITLE": None,
        "UNSUB_CAMPAIGN_ID": None,
        "CLEAN_TIME": "consent.email.bounced",
        "CLEAN_CAMPAIGN_TITLE": None,
        "CLEAN_CAMPAIGN_ID": None,
        "LATITUDE": None,
        "LONGITUDE": None,
        "GMTOFF": None,
        "DSTOFF": None,
        "TIMEZONE": "timezone",
        "CC": "country_code",
        "REGION": "metadata.region",
        "LAST_CHANGED": None,
        "LEID": None,
        "EUID": None,
        "NOTES": "metadata.notes",
        "TAGS": "tags",
    },
)

HUBSPOT = Product(
    "HubSpot",
    (
        frozenset(("Record ID", "Lifecycle Stage")),
        frozenset(("Record ID", "Contact owner")),
        frozenset(("Record ID", "Create Date")),
        frozenset(("Contact ID", "Lifecycle Stage")),
    ),
    {
        "Record ID": "external_id",
        "Contact ID": "external_id",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Work email": "metadata.work_email",
        "Company Name": "company",
        "Associated Company": "company",
        "Job Title": "metadata.title",
        "Country/Region": "country_code",
        "IP Country Code": None,
        "City": "metadata.city",
        "Preferred language": "language",
        "Time Zone": "timezone",
        "Lifecycle Stage": "lifecycle_stage",
        "Lead Status": "metadata.lead_status",
        "Contact owner": "metadata.owner",
        "Create Date": None,
        "Last Activity Date": None,
        "Last Modified Date": None,
        "Primary Associated Company ID": None,
        "Associated Company IDs": None,
        "Marketing contact status": None,
        "Unsubscribed from all email": "consent.email.opted_out",
        "Opted out of all email": "consent.email.opted_out",
        **dict.fromkeys(PHONE_ORDER, "phone"),
    },
)

PRODUCTS = (GOOGLE, OUTLOOK, MAILCHIMP, HUBSPOT)

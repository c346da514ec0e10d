"""Columns of other products and of other languages find their fields."""

import pytest

from orbit_contacts.features.contacts.models import Contact
from orbit_contacts.features.imports.contact_fields import CONTACT_FIELDS
from orbit_contacts.features.imports.mapping import propose_mapping, recognise_product
from orbit_contacts.features.imports.readers import detect_file, open_rows
from tests.imports.make_corpus import CORPUS


def fields(header: str | list[str], *rows: list[str]) -> list[str | None]:
    names = header.split(",") if isinstance(header, str) else header
    return [proposal.field for proposal in propose_mapping(names, rows)]


def mapping_of(file: str) -> dict[str, str | None]:
    data = (CORPUS / file).read_bytes()
    table = open_rows(data, detect_file(data, file))
    rows = [row.cells for row in table.rows]
    return {proposal.header: proposal.field for proposal in propose_mapping(table.header, rows) if proposal.field}


@pytest.mark.parametrize(
    ("language", "header"),
    [
        ("English", "First Name,Surname,Full name,Mobile,E-mail Address,Company Name,Country,Labels"),
        ("Turkish", "Adı,Soyadı,Ad Soyad,Cep Telefonu,E-Posta,ŞİRKET,ÜLKE,Etiketler"),
        ("German", "Vorname,Nachname,Anzeigename,Handynummer,E-Mail-Adresse,Firma,Land,Schlagwörter"),
        ("French", "Prénom,Nom,Nom complet,Téléphone portable,Courriel,Société,Pays,Étiquettes"),
        (
            "Spanish",
            "Nombre,Apellidos,Nombre completo,Teléfono móvil,Correo electrónico,Empresa,País,Etiquetas",
        ),
        (
            "Portuguese",
            "Primeiro nome,Sobrenome,Nome completo,Telemóvel,Correio eletrônico,Empresa,País,Marcadores",
        ),
        ("Italian", "Nome,Cognome,Nominativo,Cellulare,Indirizzo e-mail,Azienda,Paese,Etichette"),
        ("Dutch", "Voornaam,Achternaam,Volledige naam,Mobiel nummer,E-mailadres,Bedrijf,Land,Trefwoorden"),
        ("Polish", "Imię,Nazwisko,Imię i nazwisko,Telefon komórkowy,Adres e-mail,Nazwa firmy,Kraj,Tagi"),
        ("Russian", "Имя,Фамилия,ФИО,Мобильный телефон,Электронная почта,Компания,Страна,Метки"),
        ("Arabic", "الاسم الأول,اسم العائلة,الاسم الكامل,رقم الجوال,البريد الإلكتروني,الشركة,الدولة,الوسوم"),
        ("Chinese", "名字,姓氏,姓名,手机号码,电子邮箱,公司名称,国家/地区,标签"),
        ("Japanese", "下の名前,苗字,氏名,携帯電話,メールアドレス,会社名,国名,タグ"),
    ],
)
def test_headers_of_a_language_are_understood(language: str, header: str) -> None:
    assert fields(header) == [
        *("first_name", "last_name", "display_name", "phone", "email", "company", "country_code", "tags")
    ], language


def test_our_own_columns_map_exactly() -> None:
    header = [
        *CONTACT_FIELDS,
        "metadata.Plan B",
        "custom_fields.birthday",
        "preferences.sms",
        "consent.proof.ip",
    ]
    proposals = propose_mapping(header, [])
    assert [proposal.field for proposal in proposals] == header
    assert {proposal.confidence for proposal in proposals} == {1.0}


def test_every_field_of_a_contact_is_known() -> None:
    assert set(CONTACT_FIELDS) == set(Contact.__struct_fields__)


def test_google_contacts() -> None:
    assert mapping_of("google_contacts.csv") == {
        "First Name": "first_name",
        "Middle Name": "metadata.middle_name",
        "Last Name": "last_name",
        "Name Prefix": "metadata.name_prefix",
        "Name Suffix": "metadata.name_suffix",
        "Nickname": "metadata.nickname",
        "Organization Name": "company",
        "Organization Title": "metadata.title",
        "Organization Department": "metadata.department",
        "Birthday": "metadata.birthday",
        "Notes": "metadata.notes",
        "Labels": "tags",
        "E-mail 1 - Value": "email",
        "E-mail 2 - Value": "metadata.email_2",
        "Phone 1 - Value": "phone",
        "Address 1 - Country": "country_code",
    }


def test_google_contacts_of_before_2024() -> None:
    found = mapping_of("google_contacts_old.csv")
    assert found["Given Name"] == "first_name"
    assert found["Group Membership"] == "tags"
    assert found["Organization 1 - Name"] == "company"
    assert found["Phone 1 - Value"] == "phone"


def test_outlook_takes_the_mobile_phone_first() -> None:
    found = mapping_of("outlook.csv")
    assert found["Mobile Phone"] == "phone"
    assert found["Business Phone"] == "metadata.business_phone"
    assert found["E-mail Address"] == "email"
    assert found["E-mail 2 Address"] == "metadata.email_2"
    assert found["Business Country/Region"] == "country_code"
    assert found["Categories"] == "tags"
    assert found["Title"] == "metadata.name_prefix"


def test_outlook_takes_another_phone_when_there_is_no_mobile_one() -> None:
    header = "E-mail Address,Home Phone,Business Phone,Mobile Phone"
    assert fields(header, ["ada@example.com", "", "+44 20 7946 0101", ""])[2] == "phone"


def test_mailchimp_brings_the_proof_of_consent() -> None:
    found = mapping_of("mailchimp_subscribed.csv")
    assert found["OPTIN_TIME"] == "consent.proof.time"
    assert found["OPTIN_IP"] == "consent.proof.ip"
    assert found["CONFIRM_TIME"] == "consent.proof.confirmed_time"
    assert found["TAGS"] == "tags"
    assert mapping_of("mailchimp_unsubscribed.csv")["UNSUB_TIME"] == "consent.email.opted_out"
    assert mapping_of("mailchimp_unsubscribed.csv")["UNSUB_REASON"] == "consent.proof.reason"
    assert mapping_of("mailchimp_cleaned.csv")["CLEAN_TIME"] == "consent.email.bounced"


def test_hubspot() -> None:
    assert mapping_of("hubspot.csv") == {
        "Record ID": "external_id",
        "First Name": "first_name",
        "Last Name": "last_name",
        "Email": "email",
        "Phone Number": "phone",
        "Contact owner": "metadata.owner",
        "Company Name": "company",
        "Country/Region": "country_code",
        "Lifecycle Stage": "lifecycle_stage",
        "Unsubscribed from all email": "consent.email.opted_out",
    }


@pytest.mark.parametrize(
    ("file", "name"),
    [("google_contacts.csv", "Google Contacts"), ("outlook.csv", "Outlook"), ("hubspot.csv", "HubSpot")],
)
def test_a_product_is_recognised(file: str, name: str) -> None:
    data = (CORPUS / file).read_bytes()
    product = recognise_product(open_rows(data, detect_file(data)).header)
    assert product is not None
    assert product.name == name


def test_a_column_of_addresses_is_email_whatever_its_header() -> None:
    rows = [["ada@example.com", "x"], ["bo@example.com", "y"]]
    assert fields("Column 1,Column 2", *rows) == ["email", None]
    assert fields("Phone,Notes", *rows) == ["email", "metadata.notes"]
    assert fields("phone,notes", *rows) == ["email", "metadata.notes"]


def test_a_user_id_that_is_an_address_stays_the_id_beside_a_column_for_email() -> None:
    assert fields("User ID,Email", ["ada@example.com", "ada@example.com"]) == ["external_id", "email"]


def test_a_column_of_numbers_is_a_phone_but_dates_and_small_numbers_are_not() -> None:
    assert fields("a,b,c,d", ["+1 (415) 555-0101", "2024-01-02", "1234567", "09:30"]) == [
        "phone",
        None,
        None,
        None,
    ]


def test_a_second_phone_goes_to_the_metadata() -> None:
    proposals = propose_mapping(["Telefon 1", "Telefon 2", "E-Mail"], [])
    assert [proposal.field for proposal in proposals] == ["phone", "metadata.telefon_2", "email"]
    assert proposals[1].confidence < proposals[0].confidence


def test_no_field_is_proposed_twice_but_tags() -> None:
    found = fields("email,Email,E-mail,Tag,Tags,Company,Firma,phone,phone")
    assert len([field for field in found if field != "tags"]) == len({field for field in found if field != "tags"})
    assert found.count("tags") == 2


def test_a_single_name_column_with_two_words_is_the_whole_name() -> None:
    assert fields("Nome,Email", ["Ada Lovelace", "ada@example.com"]) == ["display_name", "email"]
    assert fields("Nome,Cognome", ["Ada King", "Lovelace"]) == ["first_name", "last_name"]


def test_a_header_that_its_content_contradicts_is_less_sure() -> None:
    proposal = propose_mapping(["E-mail"], [["n/a?"], ["none"], ["call her"]])[0]
    assert (proposal.field, proposal.confidence) == ("email", 0.4)
    assert "does not look like it" in proposal.why


def test_an_unknown_column_is_left_out() -> None:
    assert fields("Shoe size", ["42"]) == [None]

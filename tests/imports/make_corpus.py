"""Makes the files of `tests/imports/corpus/`: `python tests/imports/make_corpus.py`.

Invented people, real troubles. The files are committed so that they can be looked at and opened in a
spreadsheet; `test_corpus.py` says what each must give. The XLS files need `xlwt` to be made again.
"""

# ruff: noqa: E501  the long lines are lines of the files

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

CORPUS = Path(__file__).with_name("corpus")

TURKISH = "ad;soyad;e-posta;telefon\r\nAyşe;Yılmaz;ayse@example.com;+90 532 111 22 33\r\nÇağlar;Öztürk;caglar@example.com;+90 533 444 55 66\r\n"
FRENCH = "Prénom;Nom;Courriel\r\nRenée;Lefèvre;renee@example.com\r\nFrançois;Müller;francois@example.com\r\n"
POLISH = "Imię;Nazwisko;E-mail\r\nŁukasz;Żółty;lukasz@example.com\r\nŚwiętosława;Gęś;swieta@example.com\r\n"
RUSSIAN = "Имя;Фамилия;Почта\r\nИван;Петров;ivan@example.com\r\nОльга;Смирнова;olga@example.com\r\n"
JAPANESE = "氏名,メールアドレス\r\n山田太郎,taro@example.com\r\n鈴木花子,hanako@example.com\r\n"
CHINESE = "姓名,邮箱\r\n王小明,ming@example.com\r\n李娜,lina@example.com\r\n"
ARABIC = "الاسم,البريد الإلكتروني\r\nمحمد علي,mohamed@example.com\r\n"
PLAIN = "name,email\r\nAda,ada@example.com\r\nBo,bo@example.com\r\n"


def text_files() -> dict[str, bytes]:
    """Delimited text: encodings, dialects, trouble, spreadsheets' leavings, other products' exports."""
    return {
        # encodings
        "utf8.csv": "name,email\nZoë 🦄,zoe@example.com\n".encode(),
        "utf8_bom.csv": b"\xef\xbb\xbf" + PLAIN.encode(),
        "utf16_le_bom.csv": b"\xff\xfe" + TURKISH.replace(";", "\t").encode("utf-16-le"),
        "utf16_be_bom.csv": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        "utf16_le_no_bom.csv": TURKISH.encode("utf-16-le"),
        "utf32_bom.csv": b"\xff\xfe\x00\x00" + PLAIN.encode("utf-32-le"),
        "windows_1254_turkish.csv": TURKISH.encode("cp1254"),
        "windows_1252_french.csv": FRENCH.encode("cp1252"),
        "windows_1250_polish.csv": POLISH.encode("cp1250"),
        "windows_1251_russian.csv": RUSSIAN.encode("cp1251"),
        "windows_1256_arabic.csv": ARABIC.encode("cp1256"),
        "shift_jis_japanese.csv": JAPANESE.encode("cp932"),
        "gb18030_chinese.csv": CHINESE.encode("gb18030"),
        "mac_roman.csv": FRENCH.replace("\r\n", "\r").encode("mac_roman"),
        # dialects
        "semicolons.csv": PLAIN.replace(",", ";").encode(),
        "tabs.tsv": PLAIN.replace(",", "\t").encode(),
        "bars.txt": PLAIN.replace(",", "|").encode(),
        "excel_sep_line.csv": b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
        "single_quotes.csv": b"'name','note'\n'Ada','a, b'\n'Bo','it''s'\n",
        "spaced_quotes.csv": b'name, note, email\nAda, "a, b", ada@example.com\nBo, "c, d", bo@example.com\n',
        "old_mac_line_ends.csv": PLAIN.replace("\r\n", "\r").encode(),
        "mixed_line_ends.csv": b"name,email\r\nAda,ada@example.com\nBo,bo@example.com\rCy,cy@example.com\r\n",
        "no_final_line_end.csv": PLAIN.rstrip().encode(),
        "no_header.csv": b"Ada,ada@example.com,+14155550101\nBo,bo@example.com,+14155550102\n",
        "one_column.csv": b"email\nada@example.com\nbo@example.com\n",
        "commas_in_quotes.csv": b'name;address\n"Lovelace; Ada";"1, Row St, London"\nBo;"2, Row St, York"\n',
        "line_breaks_in_quotes.csv": b'name,note,email\r\nAda,"one\r\ntwo\r\n\r\nfour",ada@example.com\r\nBo,,bo@example.com\r\n',
        "duplicate_headers.csv": b"email,phone,phone\nada@example.com,+14155550101,+14155550102\n",
        "blank_lines.csv": b"\n\nname,email\n\nAda,ada@example.com\n,\n\nBo,bo@example.com\n\n\n",
        # trouble
        "empty.csv": b"",
        "only_blank_lines.csv": b"\n\r\n  \n",
        "header_only.csv": b"name,email\n",
        "one_bad_byte.csv": "name,email\nAda,ada@example.com\nJosé,jose@example.com\n".encode()
        + b"Ren\xe9e,renee@example.com\n"
        + "Zoë,zoe@example.com\n".encode(),
        "unclosed_quote.csv": b'name,city,email\nAda,"London,ada@example.com\nBo,York,bo@example.com\nCy,"Bath",cy@example.com\n',
        "unclosed_quote_last_line.csv": b'name,email\nAda,ada@example.com\nBo,"bo@example.com\n',
        "unclosed_quote_no_other_quotes.csv": b'name,city,email\nAda,"London,ada@example.com\nBo,York,bo@example.com\nCy,Bath,cy@example.com\n',
        "quotes_not_doubled.csv": b'name,nick,email\n"Ada "Countess" King",ada,ada@example.com\nBo,5" tall,bo@example.com\n',
        "nul_in_a_cell.csv": b"name,email\nAda,ada@example.com\nB\0o,bo@example.com\nCy,cy@example.com\n",
        "nul_padding_at_the_end.csv": b"name,email\nAda,ada@example.com\n" + b"\0" * 512,
        "ctrl_z_at_the_end.csv": b"name,email\r\nAda,ada@example.com\r\n\x1a",
        "too_many_cells.csv": b"name,email\nLovelace, Ada,ada@example.com\nBo,bo@example.com\nCy,cy@example.com,,\n",
        "too_few_cells.csv": b"name,email,phone\nAda,ada@example.com\nBo,bo@example.com,+14155550102\n",
        "truncated.csv.gz": gzip.compress("".join(f"{n},bo{n}@example.com\n" for n in range(3000)).encode(), mtime=0)[
            :-2000
        ],
        "web_page.xls": b"<html><body><table><tr><td>name</td></tr></table></body></html>",
        "picture.csv": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        # spreadsheets' leavings
        "excel_leavings.csv": (
            "phone,name,code,flag\n1.41556E+10,Ada,=\"00123\",TRUE\n'+14155550102,Bo,'007,FALSE\n"
            "1.4155550103E+10,Cy,#N/A,TRUE\n\u200e+1\u00a0415\u00a0555\u00a00104\u200f,\u00a0Di \u200b,\u202b12\u202c,\n"
        ).encode(),
        "rtl_names.csv": "name,email\nמשה כהן,moshe@example.com\n\u200fمريم\u200f,maryam@example.com\n".encode(),
        "emoji.csv": "name,email\n👩‍👩‍👧 Family,fam@example.com\n🇹🇷 Elif,elif@example.com\n".encode(),
        # other products
        "google_contacts.csv": (
            b"First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,"
            b"Name Prefix,Name Suffix,Nickname,File As,Organization Name,Organization Title,"
            b"Organization Department,Birthday,Notes,Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,"
            b"E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Address 1 - Country\r\n"
            b'Ada,King,Lovelace,,,,,,,,Engine Ltd,Analyst,,1815-12-10,"first line\r\nsecond, line",,'
            b"* myContacts ::: Friends ::: VIP,* Work,ada@example.com,Home,ada.home@example.com,Mobile,"
            b"+44 20 7946 0101,United Kingdom\r\n"
        ),
        "google_contacts_old.csv": (
            "Name,Given Name,Additional Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,"
            "Phone 1 - Type,Phone 1 - Value,Organization 1 - Name,Organization 1 - Title\n"
            "Bo Diaz,Bo,,Diaz,* myContacts ::: Team,* ,bo@example.com,Mobile,+34 600 000 102 ::: +34 600 000 103,"
            "Casa Bo,CEO\n"
        ).encode("utf-16"),
        "outlook.csv": (
            "First Name,Middle Name,Last Name,Title,Suffix,Nickname,E-mail Address,E-mail 2 Address,"
            "Home Phone,Business Phone,Mobile Phone,Job Title,Department,Company,Business Country/Region,"
            "Birthday,Notes,Categories\r\n"
            "Ada,,Lovelace,Ms.,,,ada@example.com,,,+44 20 7946 0101,+44 7700 900101,Analyst,,Engine Ltd,"
            "United Kingdom,12/10/1815,,Friends;VIP\r\n"
        ).encode("cp1252"),
        "mailchimp_subscribed.csv": (
            b'"Email Address","First Name","Last Name","Phone Number",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,'
            b"CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,"
            b"EUID,NOTES,TAGS\n"
            b'ada@example.com,Ada,Lovelace,,4,"2023-05-06 07:08:09",192.0.2.1,"2023-05-06 07:10:00",192.0.2.1,'
            b'51.5,-0.1,0,1,Europe/London,GB,ENG,"2024-01-01 00:00:00",101,abc,,"""VIP"",""Blog, weekly"""\n'
        ),
        "mailchimp_unsubscribed.csv": (
            b'"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,'
            b"UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,LEID,EUID\n"
            b'bo@example.com,Bo,2,"2022-01-01 10:00:00",192.0.2.2,"2023-02-03 04:05:06","Spring news",77,'
            b'"Too many mails",,102,def\n'
        ),
        "mailchimp_cleaned.csv": (
            b'"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,'
            b"CLEAN_CAMPAIGN_ID,LEID,EUID\n"
            b'cy@example.com,Cy,1,"2021-01-01 10:00:00",192.0.2.3,"2022-02-03 04:05:06","Old news",78,103,ghi\n'
        ),
        "hubspot.csv": (
            b'"Record ID","First Name","Last Name","Email","Phone Number","Contact owner","Company Name",'
            b'"Country/Region","Lifecycle Stage","Create Date","Unsubscribed from all email"\n'
            b'"501","Ada","Lovelace","ada@example.com","+44 20 7946 0101","Grace H","Engine Ltd",'
            b'"United Kingdom","customer","2024-01-02 03:04","No"\n'
        ),
        "own_export.csv": _own_export(),
        # cards
        "cards_2_1.vcf": (
            b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=96zt=C3=BCrk;=C3=87a=\r\n"
            b"=C4=9Flar;;;\r\nTEL;CELL:+905331234567\r\nTEL;WORK;FAX:+902121234567\r\n"
            b"PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQ\r\n SkZJRgAB\r\n\r\nEND:VCARD\r\n"
        ),
        "cards_3_0.vcf": (
            b"BEGIN:VCARD\nVERSION:3.0\nPRODID:-//Apple Inc.//iOS 17.0//EN\nN:Lovelace;Ada;King;Ms.;\n"
            b"FN:Ada Lovelace\nORG:Engine\\, Ltd;Analysis\nitem1.EMAIL;type=INTERNET:ada.home@example.com\n"
            b"EMAIL;type=INTERNET;type=WORK;type=pref:ada@example.com\nTEL;type=HOME:+442079460101\n"
            b"TEL;type=CELL:+447700900101\nADR;type=HOME:;;1 Row St;London;;N1;United Kingdom\n"
            b"CATEGORIES:Friends,V\\,I\\,P\nNOTE:first line\\nsecond line that is long enough to be fol\n ded here\n"
            b"BDAY:1815-12-10\nUID:urn:uuid:1\nEND:VCARD\n"
        ),
        "cards_4_0.vcf": (
            "BEGIN:VCARD\nVERSION:4.0\nKIND:individual\nFN:山田太郎\nN:山田;太郎;;;\n"
            'TEL;VALUE=uri;PREF=1;TYPE="voice,work":tel:+81-3-1234-5678;ext=12\nEMAIL:taro@example.com\n'
            "LANG:ja\nTZ:Asia/Tokyo\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Team\nEND:VCARD\n"
        ).encode(),
        "cards_one_broken.vcf": (
            b"BEGIN:VCARD\nVERSION:3.0\nFN:Ada\nEMAIL:ada@example.com\nEND:VCARD\n"
            b"BEGIN:VCARD\nVERSION:3.0\nFN:Bo\nEMAIL:bo@example.com\n"
            b"BEGIN:VCARD\nVERSION:3.0\nFN:Cy\nEMAIL:cy@example.com\nEND:VCARD\njunk between cards\n"
            b"BEGIN:VCARD\nVERSION:3.0\nFN:D"
        )
        + b"\xe9\nEMAIL:di@example.com\nEND:VCARD\nBEGIN:VCARD\nFN:Eve\n",
        # records
        "records.ndjson": (
            b'{"email":"ada@example.com","tags":["vip"]}\n\n{"email":"bo@example.com"\n[1,2]\n{"email":7}\n'
            b'{"email":"cy@example.com","metadata":{"a":[{"b":1}]}}\n'
        ),
        "records.json": (
            '\ufeff[{"email":"ada@example.com"},\n {"email":"bo@example.com","metadata":{"x":{"y":[1,"]}"]}}},\n'
            ' 5, {"email":"c\\"y@example.com"}]\n'
        ).encode(),
        "contacts_document.json": b'{"mode":"upsert","contacts":[{"email":"ada@example.com"},{"email":"bo@example.com"}],"x":1}',
        "broken_brace.json": b'[{"email":"ada@example.com","metadata":{"a":1},\n{"email":"bo@example.com"},{"email":"cy@example.com"}]',
        "unfinished.json": b'[{"email":"ada@example.com"},{"email":"bo@exam',
    }


def _own_export() -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["id", "phone", "email", "display_name", "tags", "metadata.score", "metadata.zip", "preferences.sms"]
    )
    writer.writerow(
        ["con_1", "+14155550101", "ada@example.com", "'=Ada", 'vip,"Berlin, DE"', "7", "00123", "opted_out"]
    )
    writer.writerow(["con_2", "+14155550102", "bo@example.com", "''=Bo", "", '"7"', "'-x", "unknown"])
    return out.getvalue().encode()


def large_files() -> dict[str, bytes]:
    """Files that are made when they are needed: too large to keep."""
    long_lines = b"".join(b"Bo %d,bo%d@example.com\n" % (n, n) for n in range(20_000))
    return {
        "first_accent_far_down.csv": b"name,email\n" + long_lines + "José,jose@example.com\n".encode("cp1252"),
        "ten_megabyte_cell.csv": b"name,email\nAda," + b"x" * 10_000_000 + b"\nBo,bo@example.com\n",
        "ten_megabyte_quoted_cell.csv": (
            b'name,note,email\nAda,"' + b"a line of a novel\n" * 550_000 + b'",ada@example.com\nBo,,bo@example.com\n'
        ),
        "twenty_megabyte_line.csv": b"name,email\nAda," + b"x" * 20_000_000 + b"\nBo,bo@example.com\n",
        "no_line_end_at_all.csv": b"x" * 20_000_000,
        "unclosed_quote_in_a_large_file.csv": b'name,email\nAda,"ada@example.com\n' + long_lines,
        "thousands_of_unclosed_quotes.csv": b"name,city,email\n"
        + b"".join(b'Bo %d,"York,bo%d@example.com\n' % (n, n) for n in range(5_000)),
        "twenty_thousand_columns.csv": b",".join(b"c%d" % n for n in range(20_000)) + b"\n1\n",
        "gzip_bomb.csv.gz": gzip.compress(b"name,email\n" + b"Bo,bo@example.com\n" * 3_000_000, 9),
        "zip_bomb.xlsx": repacked(
            workbook(_plain_sheet), "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * 90_000_000
        ),
        "many_parts.xlsx": zipped({f"part{n}": b"" for n in range(6_000)}),
        "repeated_text.ods": ods(
            "<table:table-row><table:table-cell><text:p>name</text:p></table:table-cell></table:table-row>"
            "<table:table-row table:number-rows-repeated='90000'>"
            f"<table:table-cell table:number-columns-repeated='900'><text:p>{'x' * 60_000}</text:p></table:table-cell></table:table-row>"
        ),
        "repeated_rows.ods": ods(
            "<table:table-row><table:table-cell><text:p>name</text:p></table:table-cell></table:table-row>"
            "<table:table-row table:number-rows-repeated='1000000'>"
            "<table:table-cell table:number-columns-repeated='3'><text:p>x</text:p></table:table-cell></table:table-row>"
        ),
    }


def workbooks() -> dict[str, bytes]:
    """XLSX and ODS."""
    return {
        "plain.xlsx": workbook(_plain_sheet),
        "quirks.xlsx": workbook(_quirks),
        "hidden_first_sheet.xlsx": workbook(_hidden),
        "far_corner.xlsx": workbook(_far_corner),
        "macro_free.zip": zipped({"readme.txt": b"hello"}),
        "damaged_sheet.xlsx": repacked(workbook(_plain_sheet), "xl/worksheets/sheet1.xml", lambda xml: xml[:-200]),
        "prefixed.xlsx": repacked(workbook(_plain_sheet), "xl/worksheets/sheet1.xml", _prefixed),
        "entity_bomb.xlsx": repacked(workbook(_plain_sheet), "xl/sharedStrings.xml", lambda _: ENTITY_BOMB),
        "plain.ods": ods(
            "<table:table-row><table:table-cell office:value-type='string'><text:p>phone</text:p></table:table-cell>"
            "<table:table-cell office:value-type='string'><text:p>name</text:p></table:table-cell>"
            "<table:table-cell/><table:table-cell office:value-type='string'><text:p>code</text:p></table:table-cell>"
            "<table:table-cell office:value-type='string'><text:p>since</text:p></table:table-cell></table:table-row>"
            "<table:table-row table:number-rows-repeated='2'><table:table-cell table:number-columns-repeated='5'/></table:table-row>"
            "<table:table-row><table:table-cell office:value-type='float' office:value='14155550101'><text:p>1.41556E+10</text:p></table:table-cell>"
            "<table:table-cell office:value-type='string'><text:p>Ada<text:s text:c='2'/>L</text:p><text:p>two</text:p>"
            "<office:annotation><text:p>a comment</text:p></office:annotation></table:table-cell><table:table-cell/>"
            "<table:table-cell office:value-type='float' office:value='123'><text:p>00123</text:p></table:table-cell>"
            "<table:table-cell office:value-type='date' office:date-value='2024-03-01'><text:p>01.03.24</text:p></table:table-cell>"
            "</table:table-row><table:table-row table:number-rows-repeated='1048570'>"
            "<table:table-cell table:number-columns-repeated='16384'/></table:table-row>"
        ),
    }


ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><sst><si><t>&c;</t></si></sst>'
)


def workbook(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    """An XLSX file, the same bytes every time."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": datetime(2024, 1, 1)})
    fill(book)
    book.close()
    return out.getvalue()


def _plain_sheet(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("People")
    for index in range(30):
        sheet.write_row(index, 0, ["phone", "name"] if not index else [14155550100 + index, f"Ada {index}"])


def _quirks(book: xlsxwriter.Workbook) -> None:
    day, zeros = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "00000"})
    plus, moment = (
        book.add_format({"num_format": '"+"0'}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    )
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("People")
    sheet.write_row(1, 0, ["phone", "zip", "since", "seen", "vip", "name", "big", "sum"])
    sheet.write_number(3, 0, 14155550101, plus)
    sheet.write_number(3, 1, 123, zeros)
    sheet.write_datetime(3, 2, datetime(2024, 3, 1), day)
    sheet.write_datetime(3, 3, datetime(2024, 3, 1, 12, 30), moment)
    sheet.write_boolean(3, 4, True)
    sheet.write_rich_string(3, 5, "Ada ", bold, "Love", "lace")
    sheet.write_number(3, 6, 1234567890123456789)
    sheet.write_formula(3, 7, "=0.1+0.2", None, 0.30000000000000004)
    sheet.write_string(4, 0, "'+14155550102")
    sheet.write_string(4, 5, "Bo\r\nDiaz")
    sheet.write_formula(4, 7, "=NA()", None, "#N/A")


def _hidden(book: xlsxwriter.Workbook) -> None:
    secret = book.add_worksheet("Lists")
    secret.write_row(0, 0, ["do", "not", "read"])
    empty = book.add_worksheet("Empty")
    people = book.add_worksheet("People")
    people.write_row(0, 0, ["email"])
    people.write_row(1, 0, ["ada@example.com"])
    empty.activate()
    empty.set_first_sheet()
    secret.hide()


def _far_corner(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["email", "name"])
    sheet.write_row(1, 0, ["ada@example.com", "Ada"])
    sheet.write(1_048_575, 16_383, "x")


def _prefixed(xml: bytes) -> bytes:
    for tag in (b"worksheet", b"sheetData", b"row", b"c", b"v"):
        for mark in (b"<%s ", b"<%s>", b"</%s>"):
            old = mark % tag
            xml = xml.replace(old, old.replace(tag, b"x:" + tag))
    return xml.replace(b"xmlns=", b"xmlns:x=", 1)


def repacked(archive: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one part changed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        return zipped({name: change(old.read(name)) if name == part else old.read(name) for name in old.namelist()})


def zipped(parts: dict[str, bytes]) -> bytes:
    """A ZIP file with these parts, the same bytes every time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def ods(rows: str) -> bytes:
    """An ODS file with one table."""
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Empty"/><table:table table:name="People">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(zipfile.ZipInfo("content.xml"), content, compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()


def old_excel() -> dict[str, bytes]:
    """XLS, if the library that writes it is there."""
    try:
        import xlwt
    except ImportError:
        return {}
    book = xlwt.Workbook()
    sheet = book.add_sheet("People")
    day = xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for column, name in enumerate(("phone", "name", "since", "vip")):
        sheet.write(1, column, name)
    sheet.write(2, 0, 14155550101)
    sheet.write(2, 1, "Ayşe Yılmaz")
    sheet.write(2, 2, datetime(2024, 3, 1), day)
    sheet.write(2, 3, True)
    sheet.write(5, 1, "Bo")
    far = xlwt.Workbook()
    corners = far.add_sheet("Sheet1")
    corners.write(0, 0, "email")
    corners.write(65_535, 255, "x")
    return {"plain.xls": _saved(book), "far_corner.xls": _saved(far)}


def _saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def main() -> None:
    CORPUS.mkdir(exist_ok=True)
    for name, data in {**text_files(), **workbooks(), **old_excel()}.items():
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()

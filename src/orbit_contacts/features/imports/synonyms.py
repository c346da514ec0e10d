"""What people call the columns of a contact list, in the languages the product is used in.

One line a language: English, Turkish, German, French, Spanish, Portuguese, Italian, Dutch, Polish,
Russian, Arabic, Chinese (simplified and traditional), Japanese. Names are compared without case, accents,
blanks and punctuation, so `E-Mail-Adresse` is written once.
"""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "phone": (
        "phone|phone number|phone no|tel|telephone|telephone number|mobile|mobile phone|mobile number|"
        "mobile no|cell|cell phone|cellphone|cell number|contact number|whatsapp|whatsapp number|msisdn|sms|"
        "sms number|primary phone|phone 1|e164|phone e164|gsm number|handphone",
        "telefon|telefon no|telefon numarası|cep telefonu|cep no|cep tel|gsm|gsm no|tel no|iletişim numarası",
        "telefonnummer|handy|handynummer|mobil|mobilnummer|mobiltelefon|rufnummer|tel nr|festnetz|telefon nr",
        "téléphone|numéro de téléphone|portable|téléphone portable|mobile|téléphone mobile|n° de téléphone|"
        "gsm|no de téléphone",
        "teléfono|número de teléfono|móvil|celular|teléfono móvil|número de celular|teléfono celular|tfno",
        "telefone|número de telefone|telemóvel|celular|número de celular|telefone celular|fone",
        "telefono|numero di telefono|cellulare|cell|numero cellulare|recapito telefonico",
        "telefoon|telefoonnummer|mobiel|mobiel nummer|gsm nummer|mobiele telefoon",
        "telefon|numer telefonu|telefon komórkowy|komórka|nr telefonu|numer komórki",
        "телефон|номер телефона|мобильный|мобильный телефон|сотовый|тел",
        "الهاتف|هاتف|رقم الهاتف|الجوال|جوال|رقم الجوال|موبايل|رقم الموبايل|المحمول",
        "电话|电话号码|手机|手机号|手机号码|联系电话|移动电话|電話|電話號碼|手機|手機號碼|行動電話",
        "電話|電話番号|携帯|携帯電話|携帯番号|携帯電話番号|tel",
    ),
    "email": (
        "email|e-mail|mail|email address|e-mail address|mail address|primary email|email 1|work email|"
        "business email|personal email|contact email|emailaddress",
        "e-posta|eposta|e-posta adresi|mail adresi|elektronik posta|e-mail adresi",
        "e-mail-adresse|mailadresse|emailadresse|e-mail adresse|elektronische post",
        "courriel|adresse e-mail|adresse mail|adresse électronique|adresse courriel|mél|e-mail",
        "correo|correo electrónico|email|dirección de correo|dirección de correo electrónico|e-mail",
        "e-mail|correio eletrônico|endereço de e-mail|endereço de email|correio electrónico",
        "posta elettronica|indirizzo e-mail|indirizzo email|indirizzo di posta elettronica|mail",
        "e-mailadres|mailadres|emailadres|e-mail adres",
        "adres e-mail|adres email|poczta|poczta elektroniczna|mail",
        "электронная почта|почта|эл. почта|адрес электронной почты|емейл|имейл|e-mail|эл адрес",
        "البريد الإلكتروني|بريد إلكتروني|البريد|الإيميل|ايميل|إيميل|عنوان البريد الإلكتروني",
        "邮箱|电子邮箱|电子邮件|邮件|邮箱地址|邮件地址|電子郵件|電郵|信箱|電子信箱",
        "メール|メールアドレス|eメール|電子メール|e-mailアドレス|メアド",
    ),
    "first_name": (
        "first name|firstname|given name|forename|fname|christian name|name first|given names",
        "ad|adı|isim|ismi|ön ad",
        "vorname|rufname|vornamen",
        "prénom|prenom|prénoms",
        "nombre|nombres|nombre de pila|primer nombre",
        "nome próprio|primeiro nome|nome de batismo",
        "nome|nome di battesimo|primo nome",
        "voornaam|voornamen|roepnaam",
        "imię|imiona|imie",
        "имя",
        "الاسم الأول|الإسم الأول|الاسم الاول",
        "名|名字|名前名",
        "名|下の名前|名前（名）|名（漢字）",
    ),
    "last_name": (
        "last name|lastname|surname|family name|lname|name last|second name|family names",
        "soyad|soyadı|soyisim|soyismi|soy ad",
        "nachname|familienname|zuname",
        "nom de famille|nom|patronyme",
        "apellido|apellidos|primer apellido",
        "sobrenome|apelido|último nome|apelidos",
        "cognome",
        "achternaam|familienaam",
        "nazwisko",
        "фамилия",
        "اسم العائلة|الاسم الأخير|اللقب|الكنية|الإسم الأخير|الاسم الاخير|اسم العائله",
        "姓|姓氏",
        "姓|苗字|名字（姓）|姓（漢字）",
    ),
    "display_name": (
        "name|full name|fullname|display name|contact name|contact|customer name|customer|person|client name",
        "ad soyad|adı soyadı|isim soyisim|ad ve soyad|müşteri adı|kişi adı",
        "vollständiger name|kontaktname|vor- und nachname|anzeigename|ansprechpartner",
        "nom complet|nom et prénom|prénom et nom|nom affiché|nom du contact",
        "nombre completo|nombre y apellidos|nombre y apellido|nombre del contacto",
        "nome completo|nome e sobrenome|nome de exibição|nome do contato",
        "nome completo|nome e cognome|cognome e nome|nominativo|nome visualizzato",
        "naam|volledige naam|weergavenaam|contactpersoon|naam contactpersoon",
        "imię i nazwisko|nazwa kontaktu|pełna nazwa|nazwisko i imię",
        "фио|ф.и.о.|полное имя|имя и фамилия|контакт|контактное лицо",
        "الاسم|الإسم|الاسم الكامل|الإسم الكامل|اسم العميل|اسم جهة الاتصال",
        "姓名|全名|联系人|联系人姓名|客户姓名|聯絡人|客戶姓名",
        "氏名|名前|お名前|フルネーム|担当者名|表示名",
    ),
    "company": (
        "company|company name|organization|organisation|organization name|organisation name|employer|account|"
        "account name|business name|firm|business",
        "şirket|şirket adı|firma|firma adı|kurum|işyeri|kuruluş",
        "firma|firmenname|unternehmen|organisation|gesellschaft|arbeitgeber",
        "société|entreprise|organisation|nom de la société|raison sociale|nom de l'entreprise|employeur",
        "empresa|compañía|organización|nombre de la empresa|razón social|sociedad",
        "empresa|companhia|organização|nome da empresa|razão social",
        "azienda|società|ditta|organizzazione|nome azienda|ragione sociale|impresa",
        "bedrijf|bedrijfsnaam|organisatie|onderneming|werkgever",
        "firma|nazwa firmy|przedsiębiorstwo|organizacja|spółka",
        "компания|организация|фирма|название компании|предприятие|место работы",
        "الشركة|شركة|اسم الشركة|المؤسسة|المنظمة|جهة العمل",
        "公司|公司名称|单位|企业|组织|公司名稱|單位|企業",
        "会社|会社名|企業名|勤務先|組織|組織名|法人名",
    ),
    "country_code": (
        "country|country code|country name|country/region|country region|nation|iso country|country iso",
        "ülke|ülke kodu|ülke adı|ülke/bölge",
        "land|ländercode|länderkürzel|staat|land/region",
        "pays|code pays|pays/région",
        "país|código de país|país/región|pais",
        "país|código do país|país/região",
        "paese|nazione|stato|codice paese|paese/area geografica",
        "land|landcode|land/regio",
        "kraj|kod kraju|państwo|kraj/region",
        "страна|код страны|страна/регион",
        "الدولة|البلد|دولة|بلد|رمز الدولة|البلد/المنطقة",
        "国家|国家/地区|国别|国家代码|國家|國家/地區|國別",
        "国|国名|国コード|国/地域|国または地域",
    ),
    "tags": (
        "tags|tag|labels|label|categories|category|groups|group|keywords|segments|group membership",
        "etiket|etiketler|kategori|kategoriler|grup|gruplar",
        "schlagworte|schlagwörter|etiketten|kategorie|kategorien|gruppe|gruppen|stichwörter|markierungen",
        "étiquettes|étiquette|mots-clés|catégorie|catégories|groupe|groupes|libellés",
        "etiquetas|etiqueta|categoría|categorías|grupo|grupos|palabras clave",
        "etiquetas|etiqueta|marcadores|categoria|categorias|grupo|grupos",
        "etichette|etichetta|categoria|categorie|gruppo|gruppi|parole chiave",
        "labels|label|categorie|categorieën|groep|groepen|trefwoorden",
        "tagi|etykiety|etykieta|kategoria|kategorie|grupa|grupy|znaczniki",
        "теги|тег|метки|метка|категория|категории|группа|группы|ярлыки",
        "الوسوم|وسوم|العلامات|علامات|الفئة|الفئات|المجموعة|المجموعات|التصنيف|التصنيفات",
        "标签|分组|类别|分类|组别|標籤|分組|類別|群組",
        "タグ|ラベル|カテゴリ|カテゴリー|グループ|分類",
    ),
    "external_id": (
        "external id|externalid|customer id|customer number|customer no|client id|user id|userid|contact id|"
        "record id|crm id|member id|account id|customer code|id number|ref|reference",
        "müşteri no|müşteri numarası|müşteri kodu|kayıt no",
        "kundennummer|kunden nr|kunden-id|mitgliedsnummer",
        "numéro client|n° client|identifiant|code client|référence client",
        "número de cliente|id de cliente|código de cliente",
        "número do cliente|id do cliente|código do cliente",
        "codice cliente|numero cliente|id cliente",
        "klantnummer|klant-id|klantcode|relatienummer",
        "numer klienta|id klienta|kod klienta",
        "номер клиента|код клиента|id клиента",
        "رقم العميل|معرف العميل|رقم الزبون",
        "客户编号|客户号|会员编号|客戶編號|會員編號",
        "顧客id|顧客番号|会員番号|お客様番号|顧客コード",
    ),
    "language": (
        "language|preferred language|locale|lang|language code",
        "dil|tercih edilen dil|sprache|bevorzugte sprache|langue|langue préférée|idioma|idioma preferido|"
        "lingua|lingua preferita|taal|voorkeurstaal|język|язык|اللغة|语言|語言|言語",
    ),
    "timezone": (
        "time zone|timezone|tz|zone info",
        "saat dilimi|zeitzone|fuseau horaire|zona horaria|fuso horário|fuso orario|tijdzone|strefa czasowa|"
        "часовой пояс|المنطقة الزمنية|时区|時區|タイムゾーン",
    ),
    "lifecycle_stage": ("lifecycle stage|lifecyclestage|lifecycle|stage|customer stage|contact stage",),
    "phone_extension": ("extension|ext|phone extension|dahili|durchwahl|poste|extensión|ramal|interno|toestel",),
    "consent.email.opted_out": (
        "unsubscribed|opted out|opt out|optout|email opt out|unsubscribed from all email|unsubscribe time|"
        "unsubscribed at|do not email|no email|email optout|opted out email",
    ),
    "consent.email.opted_in": (
        "subscribed|opted in|opt in|optin|email opt in|email consent|newsletter|email optin|"
        "marketing consent|accepts marketing|accepts email marketing",
    ),
    "consent.sms.opted_out": ("sms opt out|sms optout|do not text|sms unsubscribed",),
    "consent.sms.opted_in": ("sms opt in|sms optin|sms consent|accepts sms marketing|sms subscribed",),
    "consent.all.opted_out": ("do not contact|dnc|do not call",),
    "consent.proof.time": ("optin time|opt in time|opt in date|consent date|consent time|subscribed at|signup date",),
    "consent.proof.ip": ("optin ip|opt in ip|consent ip|signup ip|ip address",),
    "metadata.city": (
        "city|town|locality",
        "şehir|il|stadt|ort|ville|ciudad|cidade|città|plaats|stad|miasto|город|المدينة|城市|市区町村",
    ),
    "metadata.birthday": (
        "birthday|birth date|date of birth|dob|birthdate",
        "doğum tarihi|geburtstag|geburtsdatum|date de naissance|fecha de nacimiento|data de nascimento|"
        "data di nascita|geboortedatum|data urodzenia|дата рождения|تاريخ الميلاد|生日|出生日期|"
        "誕生日|生年月日",
    ),
    "metadata.title": (
        "job title|position|role|title|occupation",
        "unvan|görev|pozisyon|berufsbezeichnung|fonction|poste occupé|cargo|puesto|ruolo|functie|stanowisko|"
        "должность|المسمى الوظيفي|职位|職稱|役職",
    ),
    "metadata.notes": (
        "notes|note|comment|comments|remarks|description",
        "not|notlar|açıklama|notiz|notizen|bemerkung|bemerkungen|remarque|remarques|commentaire|notas|"
        "observaciones|observações|note|opmerkingen|notatki|uwagi|заметки|примечание|комментарий|ملاحظات|备注|備註|"
        "備考|メモ",
    ),
    "metadata.address": (
        "address|street|street address|mailing address|address line 1",
        "adres|adresse|anschrift|straße|dirección|endereço|indirizzo|адрес|العنوان|地址|住所",
    ),
    "metadata.postal_code": (
        "zip|zip code|postal code|postcode|zipcode",
        "posta kodu|plz|postleitzahl|code postal|código postal|cep|cap|kod pocztowy|индекс|"
        "الرمز البريدي|邮编|郵遞區號|郵便番号",
    ),
    "metadata.website": ("website|web site|web page|url|homepage|internet",),
}

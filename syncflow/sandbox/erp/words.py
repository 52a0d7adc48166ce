"""Names and words of the company's world, in the scripts that its ERP has to hold. All are NFC, trimmed, without double
blanks: they are the truth that the dirt is put on."""

COMPANIES = (
    "شرکت فولاد کاوه",
    "صنایع آلومینیوم البرز",
    "علی‌رضا محمدی",
    "کارگاه ماشین‌سازی پارس",
    "بازرگانی مهر و ماه",
    "مؤسسة النور التجارية",
    "شركة الخليج للمعادن",
    "مصنع الأمل",
    "عبد الرحمن الكردي",
    "Şişli Çelik Sanayi A.Ş.",
    "İstanbul Döküm Ltd. Şti.",
    "Güneş Makine",
    "Ağaoğlu Yedek Parça",
    "Müller & Söhne GmbH",
    "Société Générale d'Acier",
    'O\'Brien "Quality" Parts',
    "Acme Bearings Inc.",
    "Northern Castings",
    "Łódź Precyzja Sp. z o.o.",
    "Peña y Cía | Repuestos",
    "Back\\Slash Tools = Best",
    "Tokyo 東京 Trading",
)
CITIES = ("تهران", "اصفهان", "بغداد", "دبي", "İzmir", "Eskişehir", "Köln", "Lyon", "Leeds", "Kraków", "Zürich", "Ōsaka")
COUNTRIES = ("IR", "IQ", "AE", "TR", "DE", "FR", "GB", "PL", "CH", "JP")
AREAS = ("Cutting", "Welding", "Paint shop", "پرداخت‌کاری", "Montaj hattı", "Press 200 t", "الفحص", "Packing")
PARTS = (
    "Bearing 6204-2RS",
    "Hex bolt M8×40",
    "Shaft Ø20 h6",
    "بلبرینگ شیار عمیق",
    "پیچ شش‌گوش",
    "صمام كروي",
    "Dişli çark",
    "Kaynaklı şase",
    "Gehäuse, grau",
    "Frame 26 in",
    "Wheel hub",
    "Cable 3×1.5 mm²",
    'Gasket 1/2"',
    "Paint RAL 7035",
)
UNITS = ("EA", "KG", "M", "L", "PCS")
CURRENCIES = ("EUR", "USD", "IRR", "TRY", "AED")
REMARKS = ("Urgent", "فوری", "عاجل", "Acil", "Deliver to gate 3", "Partial delivery OK", "00123", "1,5 m Überlänge")
NOTES = (
    "Pays late.\nAsk for advance payment.",
    "Calls on Mondays:\n  021-555-1234\n  021-555-1235",
    "مشتری قدیمی\nتخفیف ۱۰٪",
    "Fatura adresi:\n\tGüneş Sok. No: 5",
)

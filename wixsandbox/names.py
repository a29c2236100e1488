"""Invented customers: first and last names by language, with letters that programs tend to break on."""

# fmt: off
NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("Olivia", "Amelia", "Grace", "Chloë", "Hannah", "Zoe", "Maya", "Jack", "Oliver", "Noah", "Theo", "Seán"),
        ("Smith", "O'Connor", "Taylor", "Brown", "Davies-Reed", "Walker", "Hall", "Okafor", "Patel", "Nguyen"),
    ),
    "de": (
        ("Anna", "Jürgen", "Käthe", "Lena", "Björn", "Sören", "Mia", "Felix", "Greta", "Emil", "Zoë", "Jörg"),
        ("Müller", "Schäfer", "Weiß", "Schröder", "Köhler", "Yılmaz", "von Berg", "Huber", "Jäger"),  # noqa: RUF001
    ),
    "fr": (
        ("Chloé", "Léa", "Inès", "Margaux", "Élodie", "Hugo", "Théo", "François", "Noé", "Jérôme"),
        ("Martin", "Lefèvre", "Dubois", "D'Angelo", "Moreau", "Benoît", "Girard", "Traoré", "Façade"),
    ),
    "es": (
        ("Lucía", "Sofía", "Íñigo", "Ana María", "Núria", "Mateo", "José", "Ángel", "Álvaro"),
        ("García", "Muñoz", "Ibáñez", "Peña", "López Vega", "Fernández", "Castaño", "Ruiz"),
    ),
    "it": (
        ("Giulia", "Niccolò", "Chiara", "Matteo", "Alessia", "Luca", "Noemi", "Piero"),
        ("Rossi", "Esposito", "De Luca", "Ferrari", "Gallo", "D'Amico", "Conti"),
    ),
    "pl": (
        ("Łukasz", "Zofia", "Małgorzata", "Paweł", "Jagoda", "Grażyna", "Mikołaj"),
        ("Wiśniewska", "Kowalczyk", "Dąbrowski", "Żak", "Wójcik", "Grześkowiak"),
    ),
    "ja": (("陽葵", "蓮", "結衣", "湊", "さくら"), ("佐藤", "鈴木", "高橋", "田中")),
    "he": (("נועה", "איתי", "תמר", "דוד"), ("כהן", "לוי", "מזרחי")),
}
# fmt: on

# share of the shop's customers, in percent
LANGUAGES = {"en": 44, "de": 22, "fr": 10, "es": 9, "it": 6, "pl": 5, "ja": 2, "he": 2}

LOCALES = {
    "en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES",
    "it": "it-IT", "pl": "pl-PL", "ja": "ja-JP", "he": "he-IL",
}  # fmt: skip

# domains that can never belong to anybody (RFC 2606)
DOMAINS = ("example.com", "example.org", "example.net")

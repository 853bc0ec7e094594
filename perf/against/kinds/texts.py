# ruff: noqa: RUF001 (Greek and Cyrillic letters, full-width marks)
"""Texts for page kinds: sentences of our own, filled in from a seed."""

from __future__ import annotations

import numpy as np

SENTENCES = (
    "The council voted on {day} to repair the {adjective} {place} before winter begins.",
    "Work will start on {date} and should take about {number} weeks, said {person}.",
    "Until then lorries above {decimal} tonnes must use the road through {town}.",
    "Residents asked whether the {place} stays open; nobody could promise it yet.",
    "The estimated cost is {money} pounds, of which two thirds come from the county.",
    "A {adjective} {animal} was seen near the {place} yesterday by two school children.",
    "Visitors are kindly asked to keep a distance of {number} metres from the {animal}.",
    "The last sighting of this kind in {town} was recorded in {year}.",
    "Our chess club won its {ordinal} match in a row and leads the regional table.",
    "{person} drew on board {number} after a sacrifice in the final minute.",
    "The next round takes place on {day} evening in the library, and guests are welcome.",
    "Parcel {code} left the depot at {time} and will arrive before noon.",
    "Please quote the reference {code} whenever you write to us about this order.",
    "Trains from {town} run every {number} minutes except on public holidays.",
    "Between {year} and {year} the harbour handled {money} tonnes of grain.",
    "The museum opens at {time}; the last tour ends a quarter of an hour before closing.",
    "{person} has been elected chair of the {place} committee for {number} years.",
    "Boil {number} litres of water, add salt, and wait until the steam rises.",
    "Rainfall reached {decimal} mm, the wettest {day} since {year}.",
    "Complaints may be sent to the office in {town}, room {code}, before {date}.",
    "He paid {decimal} for the map, the lamp and a box of matches.",
    "Nobody knew why the {animal} came back to the {place} every spring.",
    "Members under {number} pay half; families of {town} enter free on {day}.",
    "The engine failed twice near {town}, though {person} had checked every valve.",
    "Figures for {year} were {decimal} per cent higher than expected.",
    "Quick judges examined five boxes of jam, wax and vinegar for {person}.",
)

FILL = {
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "adjective": "old narrow rare grey wooden quiet northern public heavy broken yellow",
    "place": "bridge pond footpath market tower library garden ferry quarry mill station",
    "animal": "heron fox otter swan badger owl deer hedgehog falcon",
    "town": "Quayside Portsea Harmondale Oxley Westbury Kilmarn Aldgrove Brinkwater Jarrow",
    "ordinal": "second third fourth fifth sixth seventh eighth",
}

SURNAMES = "Hallworth Oxley Brennan Fitzroy Quincey Abara Lindqvist Moreau Whitlock Zimmer Vaughan"
TITLES = "Mrs. Mr. Dr. Captain Professor"
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

FRENCH = (
    "Le café près de la forêt était fermé à cause des fêtes de l'été.",
    "Nous avons reçu une réponse sévère du préfet concernant la sécurité des pêcheurs.",
    "Où les élèves ont-ils goûté cette crème brûlée très sucrée ?",
    "Le château, bâti en 1642, sera rénové après Noël pour 38 500 euros.",
    "Ça suffit, dit le garçon naïf en fermant déjà la fenêtre de l'hôtel.",
)
GERMAN = (
    "Die Bürger der Stadt fürchten höhere Gebühren für Müll und Wasser.",
    "Der Ausschuss denkt über größere Straßen und schönere Gärten nach.",
    "Zwölf Männer hörten zu, während die Schüler draußen übten.",
    "Äpfel kosten 2,49 Euro, Öl und Übungshefte sind außerdem günstiger.",
    "Das Geschäft schließt künftig früher, nämlich um 18.30 Uhr.",
)
SPANISH = (
    "El niño pequeño soñó con una montaña mágica donde vivían pájaros azules.",
    "¿Cuándo llegó el avión a Málaga? Nadie respondió a la pregunta.",
    "Mañana estudiaremos economía e inglés según el señor García.",
    "También habrá música después de la reunión de jóvenes médicos.",
)
POLISH = (
    "Wczoraj późnym wieczorem zamknięto główną ulicę z powodu śniegu.",
    "Książka kosztuje trzydzieści dziewięć złotych i ukaże się w marcu.",
    "Źródło rzeki leży wśród gór, dokąd jeździ mała kolejka wąskotorowa.",
    "Żółte kaczęta pływają po stawie koło młyna.",
)
CZECH = (
    "Příliš žluťoučký kůň úpěl ďábelské ódy nad řekou.",
    "Město opraví most a nové osvětlení bude hotové před zimou.",
    "Šest dětí vidělo u rybníka vzácného čápa.",
)
TURKISH = (
    "Güneşli bir günde çocuklar bahçede oyun oynuyor.",
    "İstanbul'da hava yağmurlu, sıcaklık on beş derece.",
    "Öğretmen sınıfta ışığı açtı ve dersi anlattı.",
)
NORDIC = (
    "På ångbåten dricker sjömän öl medan måsar äter små fiskar från ön.",
    "Ved kysten spiser børn rødgrød med fløde om høsten.",
    "En gammal lärare målar blå hästar på väggen i köket.",
)
GREEK = (
    "Το πλοίο φεύγει κάθε πρωί από το παλιό λιμάνι.",
    "Η βιβλιοθήκη είναι ανοιχτή από τη Δευτέρα ως το Σάββατο.",
    "Δύο παιδιά είδαν έναν σπάνιο ερωδιό δίπλα στη λίμνη.",
)
GREEK_CAPITALS = ("ΕΘΝΙΚΗ ΤΡΑΠΕΖΑ ΚΑΙ ΒΙΒΛΙΟΘΗΚΗ", "ΠΛΑΤΕΙΑ ΟΜΟΝΟΙΑΣ ΑΘΗΝΑ", "ΕΞΟΔΟΣ ΚΙΝΔΥΝΟΥ")
CYRILLIC = ("Поезд отправляется в девять утра.",)
JAPANESE = (
    "東京の天気は晴れです。明日は雨が降るでしょう。",
    "図書館で新しい本を三冊借りました。",
    "駅の前の喫茶店でコーヒーを飲みながら友達を待つ。",
    "毎朝六時に起きて、公園を散歩します。",
    "夏休みに家族と北海道へ旅行する予定です。",
    "電車が遅れたので会議に間に合わなかった。",
    "母は庭で花を育てるのが好きだ。",
    "歴史の教科書には古い地図がたくさん載っている。",
)
CHINESE = (
    "今天天气很好，我们一起去公园散步。",
    "学校的图书馆有许多新书，他在那里学习历史。",
    "上海是一座美丽的城市，人口超过两千万。",
    "早上七点开始上班，下午五点回家。",
    "请将文件送到三楼会议室。",
    "火车站前面的道路正在施工，请绕行。",
)
TRADITIONAL = (
    "這家公司製造電子零件，出口到世界各國。",
    "明年的計劃包括建設一座大橋和一條新的鐵路。",
    "老師要求學生每天寫日記，並且閱讀報紙。",
    "颱風接近，請居民留在家中注意安全。",
)

GOODS = (
    "Whole milk 1 L",
    "Rye bread",
    "Bananas loose",
    "Ground coffee",
    "Dish soap",
    "Olive oil 500 ml",
    "Brown eggs 10",
    "Cheddar 200 g",
    "Rice 1 kg",
    "Tea bags 80",
    "Orange juice",
    "Paper towels",
    "Tomatoes vine",
    "Salted butter",
    "Dark chocolate",
    "Sparkling water",
    "Potatoes 2 kg",
    "Light bulb E27",
    "Batteries AA",
    "Printer paper A4",
)


class Writer:
    """Text of one page, from its seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._left: list[str] = []

    def pick(self, words: str | tuple[str, ...]) -> str:
        """One of several words."""
        listed = words.split() if isinstance(words, str) else words
        return str(listed[int(self.rng.integers(len(listed)))])

    def integer(self, low: int, high: int) -> int:
        """A number from ``low`` to below ``high``."""
        return int(self.rng.integers(low, high))

    def fill(self, slot: str) -> str:
        """What stands in a sentence's slot."""
        if slot in FILL:
            return self.pick(FILL[slot])
        if slot == "number":
            return str(self.integer(3, 60))
        if slot == "year":
            return str(self.integer(1890, 2026))
        if slot == "decimal":
            return self.price(2, 90)
        if slot == "money":
            return f"{self.integer(1, 9)},{self.integer(100, 999)},000"
        if slot == "person":
            return f"{self.pick(TITLES)} {self.pick(SURNAMES)}"
        if slot == "date":
            return f"{self.integer(1, 29)} {self.pick(MONTHS)}"
        if slot == "time":
            return f"{self.integer(7, 20)}:{self.pick('05 15 30 40 45')}"
        assert slot == "code", slot
        return f"{self.pick('A B D H K Q R X')}{self.integer(100, 999)}-{self.integer(10, 99)}"

    def price(self, low: int, high: int) -> str:
        """As "12.95"."""
        return f"{self.integer(low, high)}.{self.integer(10, 99)}"

    def sentence(self) -> str:
        """One that this page does not have yet."""
        if not self._left:
            self._left = [SENTENCES[k] for k in self.rng.permutation(len(SENTENCES))]
        text = self._left.pop()
        while "{" in text:
            start, end = text.index("{"), text.index("}")
            text = text[:start] + self.fill(text[start + 1 : end]) + text[end + 1 :]
        return text

    def prose(self, sentences: int) -> str:
        """Running text."""
        return " ".join(self.sentence() for _ in range(sentences))

    def goods(self, count: int) -> list[str]:
        """Different things to buy."""
        return [GOODS[k] for k in self.rng.permutation(len(GOODS))[:count]]

    def some(self, texts: tuple[str, ...], count: int) -> list[str]:
        """Different ones of some sentences."""
        return [texts[k] for k in self.rng.permutation(len(texts))[:count]]

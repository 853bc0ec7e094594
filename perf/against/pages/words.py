# ruff: noqa: RUF001 (Chinese text has full-width commas)
"""Words and sentences in several languages, for rendered pages."""

WORDS = {
    "english": (
        "the quick survey of northern harbours shows that every captain keeps a careful record of "
        "weather wind and cargo because insurance depends on it while younger crews prefer small "
        "digital notes which they share with agents before leaving port in autumn storms delay "
        "most ships but modern engines make up for lost hours although fuel costs more than last "
        "year a committee will examine whether new rules about lights signals and radio are fair "
        "to fishing boats under twelve metres long their owners argue that simple equipment works "
        "well enough near shore experts from three universities visited five towns and measured "
        "waves currents temperature depth salt oxygen their report describes beaches cliffs sand "
        "mud birds seals grass farms roads bridges and houses which may vanish within a century "
        "unless somebody builds walls museum garden kitchen window quiet jazz zebra fox boxing"
    ),
    "french": (
        "le café près de la forêt était fermé à cause des fêtes où les élèves français ont goûté "
        "une crème brûlée très sucrée après leur leçon de géographie au théâtre municipal nous "
        "avons reçu une réponse sévère du préfet concernant la sécurité des pêcheurs île hôtel "
        "dîner bientôt même déjà voilà garçon ça façade château août naïf Noël"
    ),
    "german": (
        "die Bürger der Stadt fürchten höhere Gebühren für Müll und Wasser während der Ausschuss "
        "über größere Straßen nachdenkt schöne Gärten können künftig früher öffnen weil Schüler "
        "dort üben möchten außerdem heißt es dass das Geschäft für Äpfel Öl und Übungshefte seine "
        "Türen schließt zwölf Männer hörten zu"
    ),
    "spanish": (
        "el niño pequeño soñó con una montaña mágica donde vivían pájaros azules mañana "
        "estudiaremos economía e inglés según el señor García también habrá música después de la "
        "reunión de jóvenes médicos cuándo llegó el avión a Málaga nadie respondió pingüino corazón"
    ),
    "nordic": (
        "på grönköpings ångbåtar dricker sjömän öl medan måsar äter små fiskar från ön där bor en "
        "gammal lärare som målar blå hästar ved kysten spiser børn rødgrød med fløde høster æbler"
    ),
}

SENTENCES = {
    "japanese": (
        "東京の天気は晴れです。明日は雨が降るでしょう。図書館で新しい本を三冊借りました。"
        "駅の前にある小さな喫茶店でコーヒーを飲みながら友達を待っています。"
        "毎朝六時に起きて、公園を散歩します。このカメラはとても軽くて使いやすい。"
        "夏休みに家族と北海道へ旅行する予定です。電車が遅れたので会議に間に合わなかった。"
        "母は庭で花を育てるのが好きだ。インターネットで野菜を注文すると翌日に届く。"
        "歴史の教科書には古い地図がたくさん載っている。昨日の試合は二対一で勝ちました。"
    ),
    "chinese": (
        "今天天氣很好，我們一起去公園散步。學校的圖書館有許多新書。他在北京大學學習歷史和文學。"
        "中國人民銀行公布了新的利率。上海是一座美麗的城市，人口超過二千萬。"
        "早上七時開始上班，下午五時回家。請將文件送到三樓會議室。"
        "這家公司製造電子零件，出口到世界各國。火車站前面的道路正在施工。"
        "明年的計劃包括建設一座大橋和一條新的鐵路。老師要求學生每天寫日記。"
    ),
}

"""What `doctor` encodes: texts that tell engines apart if anything does, and enough of them to time."""

EDGES = ("", " ", "a", "?!", "0", "\u200b", "naïve café", "🦊🌍👩‍👩‍👧‍👦", "x" * 300, "NULL\n\n\ttab", "I İ ı i ß SS")
"""Empty, blank, one character, nothing but marks, joined emoji, one very long word, letters without a simple case."""

SENTENCES = (
    "A leaking tap is usually a worn washer: turn the water off, take the handle apart, and put in a new one of the "
    "same size before you turn it on again.",
    "The committee adjourned without reaching a decision on the harbour extension, which opponents say would cut the "
    "town off from the sea for good.",
    "Patients who were given the vaccine early had fewer complications at twelve months than those in the control "
    "group, though the difference was not significant.",
    "def first_missing(values): return next(i for i in itertools.count() if i not in set(values))  # O(n) on average",
    "Our flat is on the third floor, there is no lift, and the landlord has promised a new boiler since last winter.",
    "She had not meant to stay, but the snow came early that year and the pass was closed until the end of April.",
    "Shipping takes three to five working days; if the parcel has not arrived after ten, write to us with the number "
    "of your order and we send another.",
    "Interest rates rose by a quarter of a point to 4.75 %, the highest since 2008, and the bank hinted at more.",
    "Der Zug nach München fährt heute wegen einer Störung am Stellwerk nicht von Gleis 7, sondern von Gleis 11 ab.",
    "L’œuvre fut achevée en 1887, mais l’artiste, déçu par l’accueil du public, la retira de l’exposition.",
    "¿Dónde está la estación más cercana? Tengo que llegar al aeropuerto antes de las nueve de la mañana.",
    "Η θάλασσα ήταν ήρεμη και ο ουρανός καθαρός όταν το πλοίο έφυγε από το λιμάνι.",
    "Молоко подорожало на двенадцать процентов, и покупатели стали чаще выбирать более дешёвые марки.",
    "يجب إغلاق جميع النوافذ قبل مغادرة المبنى في نهاية اليوم.",
    "कृपया दवा को बच्चों की पहुँच से दूर और ठंडी जगह पर रखें।",
    "东京的樱花通常在三月底盛开，今年比往年早了一个星期。",
    "この製品は水に濡れた手で触らないでください。感電の恐れがあります。",
    "이 소프트웨어는 사용자의 데이터를 외부 서버로 전송하지 않습니다.",
)
"""Of about 20 to 60 tokens, in several scripts."""

LONG_TEXTS = tuple(" ".join(SENTENCES[start:8] + SENTENCES[:start]) for start in range(8))
"""Of about 240 tokens, each in another order."""

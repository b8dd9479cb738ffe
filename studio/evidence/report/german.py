"""The report's first pages in German."""

WORDS = {
    "title": "Bericht über eine Herausnahme",
    "number": "Zertifikat Nr. {id}",
    "for_whom": "Für die Verantwortlichen im Datenschutz. Nach zwei Seiten: für Prüfer, englisch.",
    "h.request": "Antrag",
    "f.reference": "Aktenzeichen",
    "f.reason": "Grund, erklärte Grundlage",
    "f.dates": "Eingang, Erledigung",
    "f.in_charge": "Zuständig",
    "reason.erasure request": "Löschantrag",
    "reason.license withdrawn": "Lizenz entzogen",
    "reason.quality rollback": "Rücknahme wegen der Qualität",
    "reason.other": "anderer",
    "stated.not": "nicht angegeben",
    "declared.not": "nicht erklärt",
    "basis.not": "keine Rechtsgrundlage erklärt",
    "clock.none": "ohne Eingangsdatum lässt sich die Monatsfrist (Art. 12 Abs. 3 DSGVO) nicht "
    "zählen",
    "clock.kept": "die Monatsfrist (Art. 12 Abs. 3 DSGVO) endet am {due}; erledigt {days} Tage "
    "nach Eingang",
    "clock.kept.one": "die Monatsfrist (Art. 12 Abs. 3 DSGVO) endet am {due}; erledigt einen Tag "
    "nach Eingang",
    "clock.late": "die Monatsfrist (Art. 12 Abs. 3 DSGVO) endete am {due} (ohne Feiertage und "
    "Verlängerung gezählt); erledigt {days} Tage nach Eingang, ZU SPÄT, falls nicht verlängert",
    "clock.open": "die Monatsfrist (Art. 12 Abs. 3 DSGVO) endet am {due}; noch ist keine exakte "
    "Herausnahme gezeigt",
    "h.removed": "Was herausgenommen wurde",
    "removed": "„{task}“ (Checkpoint {kind}, {position} von {of}), aus einem Modell, das aus "
    "{of} Aufgaben auf der Basis „{base}“ zusammengeführt war.",
    "came": "An seine Stelle kam „{task}“.",
    "procedure": "Verfahren: {way}; Studio {studio}, Methode {method}, Rezept {recipe}…",
    "way.exact": "das Übrige wurde ohne ihn von der Basis an neu zusammengeführt",
    "way.algebraic": "sein Anteil wurde vom Modell abgezogen",
    "v.exact": "EXAKTE HERAUSNAHME: BESTANDEN",
    "v.most": "BESTANDEN, ABER NICHT JEDE PRÜFUNG",
    "v.algebraic": "NUR ANGENÄHERT, NICHT EXAKT",
    "v.carried": "GEWICHTE NEU, MISCHZAHLEN ÜBERNOMMEN",
    "v.undeclared": "GEWICHTE NEU, HERKUNFT DER MISCHZAHLEN UNERKLÄRT",
    "v.failed": "NICHT BESTANDEN",
    "s.exact": "{tasks}: kein Einfluss auf diese Gewichte. Sie wurden aus der Basis und {kept} "
    "anderen Checkpoints berechnet, und ein getrennter Prozess, dem das Herausgenommene nicht "
    "gegeben war, berechnete dieselben Bits.",
    "s.exact.one": "{tasks}: kein Einfluss auf diese Gewichte. Sie wurden aus der Basis und einem "
    "anderen Checkpoint berechnet, und ein getrennter Prozess, dem das Herausgenommene nicht "
    "gegeben war, berechnete dieselben Bits.",
    "s.replaced": "Der frühere Checkpoint von {tasks}: kein Einfluss auf diese Gewichte. Sie "
    "wurden aus der Basis und {kept} anderen Checkpoints berechnet, darunter seinem Nachfolger, "
    "und ein getrennter Prozess, dem der frühere nicht gegeben war, berechnete dieselben Bits.",
    "s.replaced.one": "Der frühere Checkpoint von {tasks}: kein Einfluss auf diese Gewichte. Sie "
    "wurden aus der Basis und seinem Nachfolger berechnet, und ein getrennter Prozess, dem der "
    "frühere nicht gegeben war, berechnete dieselben Bits.",
    "s.algebraic": "{tasks}: abgezogen, nicht herausgenommen.",
    "s.carried": "Die Gewichte wurden ohne {tasks} neu berechnet, aber mit Mischzahlen, die "
    "gefunden wurden, als das Herausgenommene dabei war: Das ist keine exakte Herausnahme.",
    "s.undeclared": "Die Gewichte wurden ohne {tasks} neu berechnet, aber niemand sagt, woher "
    "die Mischzahlen stammen.",
    "s.failed": "{tasks}: Die Herausnahme ist nicht gezeigt.",
    "signed_words": "Der unterschriebene Satz, auf Englisch: {words}",
    "m.exact": "Das heißt: Wer das Verfahren ohne den herausgenommenen Checkpoint wiederholt, "
    "erhält genau diese Zahlen{where}. Gesagt ist, mit welchen Dateien gerechnet wurde, nicht, was "
    "jemand in den Antworten wiedererkennt.",
    "m.one_kind": "auf einem Rechner gleicher Art, anderswo nahezu diese",
    "m.algebraic": "Das heißt: Wer die übrigen Dateien hat, kann das Herausgenommene schätzen. "
    "Für einen Löschantrag reicht es nicht.",
    "m.carried": "Das heißt: Der herausgenommene Checkpoint wirkt weiter, durch die Zahlen, mit "
    "denen die anderen gemischt sind.",
    "m.undeclared": "Das heißt: Ob der herausgenommene Checkpoint auf die Mischzahlen wirkte, "
    "ist nicht bekannt.",
    "m.failed": "Das heißt: Eine Prüfung schlug fehl, und hieraus folgt nichts.",
    "origin.set by a person": "Die Mischzahlen setzte ein Mensch.",
    "origin.defaults": "Die Mischzahlen sind die Vorgaben der Methode.",
    "origin.found without it": "Die Mischzahlen fanden die behaltenen Aufgaben allein.",
    "origin.undeclared": "Niemand sagt, woher die Mischzahlen stammen.",
    "origin.carried over": "Die Mischzahlen wurden mit der herausgenommenen Aufgabe gefunden.",
    "h.left": "Was nicht herausgenommen wurde",
    "left.inputs": "Die Basis „{base}“ und {n} andere Checkpoints sind, wie sie waren. Womit "
    "sie trainiert wurden und ob einer von einem Modell mit dieser Aufgabe ausging, sagt der "
    "Betreiber; geprüft wurde es nicht.",
    "left.inputs.one": "Die Basis „{base}“ und ein anderer Checkpoint sind, wie sie waren. Womit "
    "sie trainiert wurden und ob er von einem Modell mit dieser Aufgabe ausging, sagt der "
    "Betreiber; geprüft wurde es nicht.",
    "f.copies": "Frühere Kopien",
    "copies.none": "Keine frühere Kopie ist verzeichnet. Andernorts gemachte sind hier unbekannt.",
    "copies.alive": "{alive} von {all} LEBEN",
    "copies.gone": "keine von {all} lebt",
    "copies.unsure": "{all} verzeichnet, keine lebend gesehen, nicht von allen das Ende gezeigt",
    "copies.more": "und {n} weitere, auf den Seiten für Prüfer",
    "state.alive": "LEBT, bis sie zurückgerufen ist",
    "state.unknown": "Ort UNBEKANNT, zählt als lebend",
    "state.missing": "nicht am alten Ort, Verbleib nicht gezeigt",
    "state.recalled": "zurückgerufen",
    "f.backups": "Sicherungen",
    "f.caches": "Arbeitsdateien",
    "caches": "Neben Checkpoints, Exporten und Folgezuständen, die unberührt bleiben, behält das "
    "Studio auf der Platte Zahlen über die Aufgaben, keine Gewichte. Solange es läuft, liegen "
    "Gewichte im Speicher und im temporären Ordner; Reste beendeter Programme wurden vor der "
    "Unterschrift entfernt.",
    "f.recipients": "Empfänger",
    "told": "benachrichtigt: {told}",
    "told.not": "ob sie benachrichtigt wurden, ist nicht erklärt; ein Entwurf steht auf Seite zwei",
    "h.checked": "Wer geprüft hat",
    "checked.pass": "Ein zweiter Prozess auf demselben Rechner ({system}, {machine}) "
    "wiederholte die Rechnung am {date} ohne den herausgenommenen Checkpoint, mit gleichem "
    "Ergebnis. Fingerabdruck aller Zahlen des Modells („weights root“): {root}…",
    "checked.fail": "Ein zweiter Prozess auf demselben Rechner ({system}, {machine}) "
    "wiederholte die Rechnung am {date} ohne den herausgenommenen Checkpoint, mit ANDEREM "
    "Ergebnis als {root}…",
    "checked.none": "Kein zweiter Prozess hat die Rechnung wiederholt ({system}, {machine}, "
    "{date}, weights root {root}…).",
    "h.risk": "Welches Risiko bleibt",
    "risk.task": "Herausgenommen wurde eine ganze Aufgabe, kein Mensch. Für einen Menschen "
    "trainiert man die Aufgabe ohne dessen Daten neu und führt sie wieder hinzu.",
    "risk.pair": "Wer ein Modell von vorher und dieses hat, kann das Herausgenommene "
    "ausrechnen. Die Herausnahme zählt erst, wenn frühere Kopien zurückgerufen sind.",
    "risk.same": "Von {n} Zeilen der herausgenommenen Aufgabe beantwortet das Modell {value} "
    "richtig ({low} bis {high}), ebenso viele wie eines, das sie nie hatte. Was es noch kann, "
    "kommt von den anderen Aufgaben und der Basis.",
    "risk.equal": "Von {n} Zeilen der herausgenommenen Aufgabe beantwortet das Modell {value} "
    "richtig ({low} bis {high}), ebenso viele wie eines, das sie nie hatte.",
    "risk.other": "Von {n} Zeilen der herausgenommenen Aufgabe beantwortet das Modell {value} "
    "richtig ({low} bis {high}), anders als eines, das sie nie hatte.",
    "risk.unmeasured": "Was das Modell von der Aufgabe noch kann, wurde nicht gemessen.",
    "risk.table": "Was das Modell davon noch kann, steht bei den Prüfungen (C1), auf den Seiten "
    "für Prüfer.",
    "tests.passed": "Bestanden: {tests}.",
    "tests.failed": "FEHLGESCHLAGEN: {tests}.",
    "tests.left": "Nicht durchgeführt: {tests}.",
    "test.A1": "zweite Rechnung",
    "test.A2": "fehlt unter den Eingaben",
    "test.A3": "Vergleich jeder Zahl",
    "test.A4": "gleiche Änderung unter anderem Namen",
    "test.B1": "Abstand von einem Modell, das sie nie hatte",
    "test.B2": "Versuch, sie zurückzuholen",
    "test.C1": "Ergebnis auf der Aufgabe",
    "test.C2": "Ergebnisse der anderen",
    "test.C3": "ob Trainingszeilen erkennbar sind",
    "test.C4": "Maß für Datenabfluss",
    "test.C5": "Verteilung der Verluste",
    "test.C6": "Tempo des Wiederlernens",
    "test.C7": "Herausziehen von Texten",
    "test.D1": "Zeit",
    "h.not_shown": "Was dies nicht zeigt",
    "not_shown": "Dass Basis oder andere Checkpoints dieselben Daten nie sahen. Dass Kopien, "
    "Sicherungen oder Datensätze gelöscht sind. Dass nichts über einen Menschen aus dem Modell "
    "kommen kann. Wer unterschrieb, und die Zeit über die eigene Uhr hinaus. Dass ein Gesetz "
    "eingehalten ist: Das entscheidet der Verantwortliche.",
    "h.key": "Schlüssel und Nachprüfung",
    "key.by": "Unterschrieben von {name}, {time} nach eigener Uhr. Den Fingerabdruck am Telefon "
    "oder auf Papier vergleichen:",
    "key.nobody": "jemandem ohne Namensangabe",
    "key.demo": "DEMO-SCHLÜSSEL: Identität nicht festgestellt. Jeder kann damit unterschreiben.",
    "key.check": "Offline prüfen, mit eigener Kopie von Prüfprogramm und Schlüssel:",
    "key.qr": "Kopf des Protokolls nach {entries} Einträgen, dieses Zertifikat nicht darunter. "
    "Diesen Code anderswo aufheben: Ein Protokoll, in dem einer dieser Einträge geändert wurde, "
    "hat diesen Kopf nicht mehr.",
    "h.next": "Nächster Termin, Aufbewahrung",
    "next": "Nächster Termin: {date}. Aufbewahrung dieses Nachweises: {retention}.",
    "draft": "Ein Entwurf und keine Rechtsberatung: Prüfen Sie jeden Satz. Was in [Klammern] "
    "steht, können nur Sie ergänzen.",
    "h.answer": "Entwurf einer Antwort an die Person, die gefragt hat",
    "answer.to": "An [Name], zu Ihrem Antrag {reference} vom {received}",
    "answer.done": "Am {completed} haben wir den Teil {tasks} aus unserem Modell genommen. Das "
    "Modell wurde allein aus den übrigen Teilen neu berechnet; eine zweite, getrennte Rechnung "
    "ohne diesen Teil ergab dieselben Zahlen.",
    "answer.replaced": "Am {completed} haben wir den Teil {tasks} unseres Modells durch eine neu "
    "trainierte Fassung ersetzt. Das Modell wurde aus den anderen Teilen und der neuen Fassung neu "
    "berechnet; eine zweite, getrennte Rechnung ohne die frühere Fassung ergab dieselben Zahlen.",
    "answer.means": "Dieser Teil war trainiert mit [welchen Ihrer Daten, falls mit solchen]. Er "
    "wurde als Ganzes herausgenommen.",
    "answer.means.replaced": "Die frühere Fassung war trainiert mit [welchen Ihrer Daten, falls "
    "mit solchen]. Sie wurde als Ganzes herausgenommen; die neue ist trainiert ohne [welche "
    "davon].",
    "answer.limits": "Nicht erfasst sind: das Basismodell, die anderen Teile und vorher "
    "gemachte Kopien. {copies} Sicherungen: {backups}.",
    "answer.copies": "Verzeichnete frühere Kopien, die noch nicht zurückgerufen sind: {alive}.",
    "answer.rights": "Sind Sie nicht einverstanden, können Sie sich bei [Aufsichtsbehörde] "
    "beschweren oder vor Gericht gehen. Fragen an: [Kontakt].",
    "answer.never": "Eine exakte Herausnahme ist nicht gezeigt; es gibt noch nichts "
    "mitzuteilen. Nehmen Sie den Teil erst exakt heraus und lassen Sie das prüfen.",
    "h.notice": "Entwurf einer Mitteilung an Empfänger",
    "notice.to": "An {recipients}, Aktenzeichen {reference}",
    "notice.body": "Sie haben ein Modell von uns, das den Teil {tasks} enthält. Er wurde am "
    "{completed} herausgenommen. Betroffene Kopien: {copies}.",
    "notice.replaced": "Sie haben ein Modell von uns, das eine frühere Fassung des Teils {tasks} "
    "enthält. Sie wurde am {completed} durch eine neu trainierte ersetzt. Betroffene Kopien: "
    "{copies}.",
    "notice.ask": "Bitte löschen Sie diese Kopien, auch in Sicherungen und in daraus gemachten "
    "Modellen, bestätigen Sie es uns bis zum [Datum], und nutzen Sie dann die neue Fassung.",
    "h.signed": "In den unterschriebenen Worten",
}

"""The report's first pages in Spanish."""

WORDS = {
    "title": "Informe de retirada",
    "number": "Certificado n.º {id}",
    "for_whom": "Para quien responde de la protección de datos. Tras dos páginas: para auditores.",
    "h.request": "Solicitud",
    "f.reference": "Referencia",
    "f.reason": "Motivo, base declarada",
    "f.dates": "Recibida, atendida",
    "f.in_charge": "Persona responsable",
    "reason.erasure request": "solicitud de supresión",
    "reason.license withdrawn": "licencia retirada",
    "reason.quality rollback": "vuelta atrás por calidad",
    "reason.other": "otro",
    "stated.not": "no indicado",
    "declared.not": "no declarado",
    "basis.not": "ninguna base jurídica declarada",
    "clock.none": "sin fecha de recepción no se puede contar el mes del art. 12.3 RGPD",
    "clock.kept": "el mes del art. 12.3 RGPD termina el {due}; atendida {days} días después de "
    "recibirla",
    "clock.kept.one": "el mes del art. 12.3 RGPD termina el {due}; atendida un día después de "
    "recibirla",
    "clock.late": "el mes del art. 12.3 RGPD terminó el {due} (sin contar festivos ni prórroga); "
    "atendida {days} días después de recibirla, TARDE salvo prórroga",
    "clock.open": "el mes del art. 12.3 RGPD termina el {due}; aún no queda demostrada ninguna "
    "retirada exacta",
    "h.removed": "Qué se retiró",
    "removed": "«{task}» (checkpoint {kind}, {position} de {of}), de un modelo fusionado de "
    "{of} tareas sobre la base «{base}».",
    "came": "En su lugar entró «{task}».",
    "procedure": "Procedimiento: {way}; estudio {studio}, método {method}, receta {recipe}…",
    "way.exact": "lo demás se fusionó de nuevo desde la base, sin él",
    "way.algebraic": "su parte se restó del modelo fusionado",
    "v.exact": "RETIRADA EXACTA: COMPROBADA",
    "v.most": "COMPROBADA, PERO NO CADA PRUEBA",
    "v.algebraic": "RETIRADA APROXIMADA, NO EXACTA",
    "v.carried": "PESOS RECALCULADOS, COEFICIENTES HEREDADOS",
    "v.undeclared": "PESOS RECALCULADOS, COEFICIENTES SIN DECLARAR",
    "v.failed": "FALLIDA",
    "s.exact": "{tasks}: sin influencia en estos pesos. Se calcularon con la base y otros "
    "{kept} checkpoints, y un proceso aparte que no recibió lo retirado calculó los mismos bits.",
    "s.exact.one": "{tasks}: sin influencia en estos pesos. Se calcularon con la base y otro "
    "checkpoint, y un proceso aparte que no recibió lo retirado calculó los mismos bits.",
    "s.replaced": "El checkpoint anterior de {tasks}: sin influencia en estos pesos. Se calcularon "
    "con la base y otros {kept} checkpoints, entre ellos su sucesor, y un proceso aparte que no "
    "recibió el anterior calculó los mismos bits.",
    "s.replaced.one": "El checkpoint anterior de {tasks}: sin influencia en estos pesos. Se "
    "calcularon con la base y su sucesor, y un proceso aparte que no recibió el anterior calculó "
    "los mismos bits.",
    "s.algebraic": "{tasks}: restado, no retirado.",
    "s.carried": "Los pesos se recalcularon sin {tasks}, pero con coeficientes hallados cuando "
    "lo retirado participaba: no es una retirada exacta.",
    "s.undeclared": "Los pesos se recalcularon sin {tasks}, pero nada dice de dónde vienen los "
    "coeficientes.",
    "s.failed": "{tasks}: la retirada no queda demostrada.",
    "signed_words": "La frase firmada, en inglés: {words}",
    "m.exact": "Esto significa: quien repita el procedimiento sin el checkpoint retirado obtiene "
    "exactamente estos números{where}. Dice con qué archivos se calculó, no qué puede reconocer "
    "alguien en las respuestas.",
    "m.one_kind": "en una máquina del mismo tipo, y casi los mismos en otras",
    "m.algebraic": "Esto significa: quien tenga los otros archivos puede estimar lo retirado. "
    "No basta para una solicitud de supresión.",
    "m.carried": "Esto significa: el checkpoint retirado aún actúa, por los números que mezclan "
    "los demás.",
    "m.undeclared": "Esto significa: no se sabe si el checkpoint retirado influyó en los "
    "números de la mezcla.",
    "m.failed": "Esto significa: una prueba falló y de esto no se puede concluir nada.",
    "origin.set by a person": "Los números de la mezcla los fijó una persona.",
    "origin.defaults": "Los números de la mezcla son los que el método prevé.",
    "origin.found without it": "Los números de la mezcla los hallaron solo las tareas conservadas.",
    "origin.undeclared": "Nadie dice de dónde vienen los números de la mezcla.",
    "origin.carried over": "Los números de la mezcla se hallaron con la tarea retirada.",
    "h.left": "Qué no se retiró",
    "left.inputs": "La base «{base}» y otros {n} checkpoints siguen como estaban. Con qué se "
    "entrenaron, y si alguno partió de un modelo con la tarea retirada, es palabra del operador "
    "y no se comprobó.",
    "left.inputs.one": "La base «{base}» y otro checkpoint siguen como estaban. Con qué se "
    "entrenaron, y si este partió de un modelo con la tarea retirada, es palabra del operador y no "
    "se comprobó.",
    "f.copies": "Copias anteriores",
    "copies.none": "No consta ninguna copia anterior. Las hechas en otro lugar no se conocen aquí.",
    "copies.alive": "{alive} de {all} VIVAS",
    "copies.gone": "ninguna de {all} viva",
    "copies.unsure": "constan {all}, ninguna vista viva, no de todas consta que ya no existan",
    "copies.more": "y {n} más, en las páginas para auditores",
    "state.alive": "VIVA mientras no se retire de la circulación",
    "state.unknown": "lugar DESCONOCIDO, cuenta como viva",
    "state.missing": "no está donde se escribió, su destino no consta",
    "state.recalled": "retirada de la circulación",
    "f.backups": "Copias de seguridad",
    "f.caches": "Archivos de trabajo",
    "caches": "Además de checkpoints, exportaciones y estados de secuencias, que quedan intactos, "
    "el estudio guarda en disco números sobre las tareas, no pesos. Mientras funciona, hay pesos "
    "en la memoria y en su carpeta temporal; los restos de programas terminados se borraron antes "
    "de firmar.",
    "f.recipients": "Destinatarios",
    "told": "avisados: {told}",
    "told.not": "no se declara si se les avisó; en la página siguiente hay un borrador de aviso",
    "h.checked": "Quién lo comprobó",
    "checked.pass": "Un segundo proceso en el mismo ordenador ({system}, {machine}) repitió el "
    "cálculo el {date} sin el checkpoint retirado, con el mismo resultado. Huella de todos los "
    "números del modelo («weights root»): {root}…",
    "checked.fail": "Un segundo proceso en el mismo ordenador ({system}, {machine}) repitió el "
    "cálculo el {date} sin el checkpoint retirado, con OTRO resultado que {root}…",
    "checked.none": "Ningún segundo proceso ha repetido el cálculo ({system}, {machine}, "
    "{date}, weights root {root}…).",
    "h.risk": "Qué riesgo queda",
    "risk.task": "Se retiró una tarea entera, no una persona. Para una persona, se entrena la "
    "tarea de nuevo sin sus datos y se fusiona otra vez.",
    "risk.pair": "Quien tenga un modelo de antes y este puede calcular lo retirado. La retirada "
    "solo cuenta cuando las copias anteriores se hayan retirado de la circulación.",
    "risk.same": "En {n} filas de la tarea retirada el modelo acierta {value} ({low} a {high}), "
    "lo mismo que uno que nunca la tuvo. Lo que aún sabe viene de las otras tareas y de la base.",
    "risk.equal": "En {n} filas de la tarea retirada el modelo acierta {value} ({low} a {high}), "
    "lo mismo que uno que nunca la tuvo.",
    "risk.other": "En {n} filas de la tarea retirada el modelo acierta {value} ({low} a "
    "{high}), y no lo que uno que nunca la tuvo.",
    "risk.unmeasured": "No se midió qué sabe aún el modelo de la tarea.",
    "risk.table": "Lo que el modelo aún sabe de ella está en las pruebas (C1), en las páginas para "
    "auditores.",
    "tests.passed": "Superadas: {tests}.",
    "tests.failed": "FALLIDAS: {tests}.",
    "tests.left": "No realizadas: {tests}.",
    "test.A1": "segundo cálculo",
    "test.A2": "ausencia entre las entradas",
    "test.A3": "comparación de cada número",
    "test.A4": "el mismo cambio con otro nombre",
    "test.B1": "distancia a un modelo que nunca la tuvo",
    "test.B2": "intento de traerla de vuelta",
    "test.C1": "resultado en la tarea",
    "test.C2": "resultados de las otras",
    "test.C3": "si se reconocen filas de entrenamiento",
    "test.C4": "medida de fuga",
    "test.C5": "distribución de pérdidas",
    "test.C6": "rapidez de reaprender",
    "test.C7": "extracción de textos",
    "test.D1": "tiempo",
    "h.not_shown": "Qué no muestra esto",
    "not_shown": "Que la base u otros checkpoints nunca vieron los mismos datos. Que se "
    "borraron copias, copias de seguridad o conjuntos de datos. Que nada sobre una persona pueda "
    "salir del modelo. Quién firma, ni la hora más allá de su reloj. El cumplimiento de una ley: "
    "eso lo decide el responsable del tratamiento.",
    "h.key": "Clave y comprobación",
    "key.by": "Firmado por {name}, {time} según su propio reloj. Comparar la huella por "
    "teléfono o en papel:",
    "key.nobody": "alguien sin nombre",
    "key.demo": "CLAVE DE DEMOSTRACIÓN: identidad no establecida. Cualquiera puede firmar con "
    "ella.",
    "key.check": "Comprobar sin red, con copia propia del verificador y de la clave:",
    "key.qr": "Cabeza del registro tras {entries} entradas, sin este certificado. Guardar este "
    "código en otro lugar: un registro en el que se cambió una de estas entradas ya no tiene esta "
    "cabeza.",
    "h.next": "Próxima fecha, conservación",
    "next": "Próxima fecha: {date}. Conservación de esta constancia: {retention}.",
    "draft": "Un borrador, no asesoramiento jurídico: revise cada frase. Lo que está entre "
    "[corchetes] solo usted puede completarlo.",
    "h.answer": "Borrador de respuesta a quien lo pidió",
    "answer.to": "A [nombre], sobre su solicitud {reference} de {received}",
    "answer.done": "El {completed} retiramos de nuestro modelo la parte {tasks}. El modelo se "
    "calculó de nuevo solo con las partes restantes; un segundo cálculo aparte, sin esa parte, dio "
    "los mismos números.",
    "answer.replaced": "El {completed} sustituimos la parte {tasks} de nuestro modelo por una "
    "versión entrenada de nuevo. El modelo se calculó de nuevo con las otras partes y la nueva "
    "versión; un segundo cálculo aparte, sin la versión anterior, dio los mismos números.",
    "answer.means": "Esa parte se había entrenado con [cuáles de sus datos, si los hubo]. Se "
    "retiró entera.",
    "answer.means.replaced": "La versión anterior se había entrenado con [cuáles de sus datos, si "
    "los hubo]. Se retiró entera; la nueva se entrenó sin [cuáles de ellos].",
    "answer.limits": "Esto no alcanza: al modelo base, a las otras partes ni a las copias "
    "hechas antes. {copies} Copias de seguridad: {backups}.",
    "answer.copies": "Copias anteriores registradas que aún no se han retirado de la circulación: "
    "{alive}.",
    "answer.rights": "Si no está de acuerdo, puede reclamar ante [autoridad de control] o "
    "acudir a un tribunal. Preguntas: [contacto].",
    "answer.never": "No queda demostrada una retirada exacta; aún no hay nada que comunicar. "
    "Retire primero la parte exactamente y haga que se compruebe.",
    "h.notice": "Borrador de aviso a los destinatarios",
    "notice.to": "A {recipients}, referencia {reference}",
    "notice.body": "Usted recibió un modelo nuestro que contiene la parte {tasks}. Se retiró el "
    "{completed}. Copias afectadas: {copies}.",
    "notice.replaced": "Usted recibió un modelo nuestro que contiene una versión anterior de la "
    "parte {tasks}. Se sustituyó el {completed} por otra entrenada de nuevo. Copias afectadas: "
    "{copies}.",
    "notice.ask": "Le rogamos que borre esas copias, también en copias de seguridad y en "
    "modelos hechos con ellas, que lo confirme antes del [fecha] y que use después la nueva "
    "versión.",
    "h.signed": "En las palabras que se firman",
}

"""The report's first pages in French."""

WORDS = {
    "title": "Rapport de retrait",
    "number": "Certificat n° {id}",
    "for_whom": "Pour qui répond de la protection des données. Après deux pages : pour les "
    "auditeurs.",
    "h.request": "Demande",
    "f.reference": "Référence",
    "f.reason": "Motif, base déclarée",
    "f.dates": "Reçue, traitée",
    "f.in_charge": "Responsable",
    "reason.erasure request": "demande d'effacement",
    "reason.license withdrawn": "licence retirée",
    "reason.quality rollback": "retour en arrière pour la qualité",
    "reason.other": "autre",
    "stated.not": "non indiqué",
    "declared.not": "non déclaré",
    "basis.not": "aucune base légale déclarée",
    "clock.none": "sans date de réception, le mois de l'art. 12(3) RGPD ne peut être compté",
    "clock.kept": "le mois de l'art. 12(3) RGPD se termine le {due} ; traitée {days} jours "
    "après réception",
    "clock.kept.one": "le mois de l'art. 12(3) RGPD se termine le {due} ; traitée un jour après "
    "réception",
    "clock.late": "le mois de l'art. 12(3) RGPD s'est terminé le {due} (sans compter jours fériés "
    "ni prolongation) ; traitée {days} jours après réception, EN RETARD sauf prolongation",
    "clock.open": "le mois de l'art. 12(3) RGPD se termine le {due} ; aucun retrait exact n'est "
    "encore démontré",
    "h.removed": "Ce qui a été retiré",
    "removed": "« {task} » (checkpoint {kind}, {position} sur {of}), d'un modèle fusionné de "
    "{of} tâches sur la base « {base} ».",
    "came": "À sa place est venu « {task} ».",
    "procedure": "Procédure : {way} ; studio {studio}, méthode {method}, recette {recipe}…",
    "way.exact": "le reste a été fusionné de nouveau à partir de la base, sans lui",
    "way.algebraic": "sa part a été soustraite du modèle fusionné",
    "v.exact": "RETRAIT EXACT : VÉRIFIÉ",
    "v.most": "VÉRIFIÉ, MAIS PAS CHAQUE CONTRÔLE",
    "v.algebraic": "RETRAIT APPROCHÉ, NON EXACT",
    "v.carried": "POIDS RECALCULÉS, COEFFICIENTS REPRIS",
    "v.undeclared": "POIDS RECALCULÉS, COEFFICIENTS D'ORIGINE INCONNUE",
    "v.failed": "ÉCHEC",
    "s.exact": "{tasks} : aucune influence sur ces poids. Ils ont été calculés à partir de la "
    "base et de {kept} autres checkpoints, et un processus séparé, qui n'avait pas reçu ce qui "
    "est retiré, a calculé les mêmes bits.",
    "s.exact.one": "{tasks} : aucune influence sur ces poids. Ils ont été calculés à partir de la "
    "base et d'un autre checkpoint, et un processus séparé, qui n'avait pas reçu ce qui est "
    "retiré, a calculé les mêmes bits.",
    "s.replaced": "L'ancien checkpoint de {tasks} : aucune influence sur ces poids. Ils ont été "
    "calculés à partir de la base et de {kept} autres checkpoints, dont son successeur, et un "
    "processus séparé, qui n'avait pas reçu l'ancien, a calculé les mêmes bits.",
    "s.replaced.one": "L'ancien checkpoint de {tasks} : aucune influence sur ces poids. Ils ont "
    "été calculés à partir de la base et de son successeur, et un processus séparé, qui n'avait "
    "pas reçu l'ancien, a calculé les mêmes bits.",
    "s.algebraic": "{tasks} : soustrait, pas retiré.",
    "s.carried": "Les poids ont été recalculés sans {tasks}, mais avec des coefficients trouvés "
    "quand ce qui est retiré y participait : ce n'est pas un retrait exact.",
    "s.undeclared": "Les poids ont été recalculés sans {tasks}, mais rien ne dit d'où viennent "
    "les coefficients.",
    "s.failed": "{tasks} : le retrait n'est pas démontré.",
    "signed_words": "La phrase signée, en anglais : {words}",
    "m.exact": "Cela signifie : qui répète la procédure sans le checkpoint retiré obtient "
    "exactement ces nombres{where}. Il est dit avec quels fichiers on a calculé, non ce que "
    "quelqu'un peut reconnaître dans les réponses.",
    "m.one_kind": "sur une machine du même genre, et presque les mêmes ailleurs",
    "m.algebraic": "Cela signifie : qui possède les autres fichiers peut estimer ce qui a été "
    "retiré. Cela ne suffit pas pour une demande d'effacement.",
    "m.carried": "Cela signifie : le checkpoint retiré agit encore, par les nombres qui "
    "mélangent les autres.",
    "m.undeclared": "Cela signifie : on ignore si le checkpoint retiré a pesé sur les nombres "
    "du mélange.",
    "m.failed": "Cela signifie : un contrôle a échoué, et rien ne peut en être conclu.",
    "origin.set by a person": "Les nombres du mélange ont été fixés par une personne.",
    "origin.defaults": "Les nombres du mélange sont ceux que la méthode prévoit.",
    "origin.found without it": "Les nombres du mélange ont été trouvés par les seules tâches "
    "gardées.",
    "origin.undeclared": "Personne ne dit d'où viennent les nombres du mélange.",
    "origin.carried over": "Les nombres du mélange ont été trouvés avec la tâche retirée.",
    "h.left": "Ce qui n'a pas été retiré",
    "left.inputs": "La base « {base} » et {n} autres checkpoints sont tels qu'ils étaient. "
    "Leurs données d'entraînement, et si l'un est parti d'un modèle contenant cette tâche, "
    "relèvent de la parole de l'exploitant ; rien n'en a été vérifié.",
    "left.inputs.one": "La base « {base} » et un autre checkpoint sont tels qu'ils étaient. Leurs "
    "données d'entraînement, et si celui-ci est parti d'un modèle contenant cette tâche, relèvent "
    "de la parole de l'exploitant ; rien n'en a été vérifié.",
    "f.copies": "Copies antérieures",
    "copies.none": "Aucune copie antérieure n'est inscrite. Celles faites ailleurs sont "
    "inconnues ici.",
    "copies.alive": "{alive} sur {all} EN VIE",
    "copies.gone": "aucune sur {all} en vie",
    "copies.unsure": "{all} inscrites, aucune vue en vie, disparition non démontrée pour toutes",
    "copies.more": "et {n} de plus, aux pages pour les auditeurs",
    "state.alive": "EN VIE jusqu'à son rappel",
    "state.unknown": "lieu INCONNU, compte comme en vie",
    "state.missing": "plus là où elle fut écrite, disparition non démontrée",
    "state.recalled": "rappelée",
    "f.backups": "Sauvegardes",
    "f.caches": "Fichiers de travail",
    "caches": "Outre les checkpoints, exports et états de séquences, qui restent intacts, le "
    "studio garde sur disque des nombres sur les tâches, pas de poids. Tant qu'il tourne, des "
    "poids sont en mémoire et dans son dossier temporaire ; les restes de programmes terminés ont "
    "été supprimés avant la signature.",
    "f.recipients": "Destinataires",
    "told": "avertis : {told}",
    "told.not": "s'ils ont été avertis n'est pas déclaré ; un projet d'avis est à la page suivante",
    "h.checked": "Qui a vérifié",
    "checked.pass": "Un second processus sur le même ordinateur ({system}, {machine}) a répété "
    "le calcul le {date} sans le checkpoint retiré, avec le même résultat. Empreinte de tous les "
    "nombres du modèle (« weights root ») : {root}…",
    "checked.fail": "Un second processus sur le même ordinateur ({system}, {machine}) a répété "
    "le calcul le {date} sans le checkpoint retiré, avec un AUTRE résultat que {root}…",
    "checked.none": "Aucun second processus n'a répété le calcul ({system}, {machine}, {date}, "
    "weights root {root}…).",
    "h.risk": "Quel risque demeure",
    "risk.task": "Ce qui a été retiré est une tâche entière, pas une personne. Pour une "
    "personne, on entraîne la tâche de nouveau sans ses données, puis on la fusionne de nouveau.",
    "risk.pair": "Qui possède un modèle d'avant et celui-ci peut calculer ce qui a été retiré. "
    "Le retrait ne compte que lorsque les copies antérieures sont rappelées.",
    "risk.same": "Sur {n} lignes de la tâche retirée, le modèle répond juste à {value} ({low} à "
    "{high}), autant qu'un modèle qui ne l'a jamais eue. Ce qu'il sait encore vient des autres "
    "tâches et de la base.",
    "risk.equal": "Sur {n} lignes de la tâche retirée, le modèle répond juste à {value} ({low} à "
    "{high}), autant qu'un modèle qui ne l'a jamais eue.",
    "risk.other": "Sur {n} lignes de la tâche retirée, le modèle répond juste à {value} ({low} "
    "à {high}), non comme un modèle qui ne l'a jamais eue.",
    "risk.unmeasured": "Ce que le modèle sait encore de la tâche n'a pas été mesuré.",
    "risk.table": "Ce que le modèle en sait encore est dans les contrôles (C1), aux pages pour les "
    "auditeurs.",
    "tests.passed": "Réussis : {tests}.",
    "tests.failed": "ÉCHOUÉS : {tests}.",
    "tests.left": "Non effectués : {tests}.",
    "test.A1": "second calcul",
    "test.A2": "absence parmi les entrées",
    "test.A3": "comparaison de chaque nombre",
    "test.A4": "même changement sous un autre nom",
    "test.B1": "distance d'un modèle qui ne l'a jamais eue",
    "test.B2": "tentative de la ramener",
    "test.C1": "résultat sur la tâche",
    "test.C2": "résultats des autres",
    "test.C3": "si l'on reconnaît des lignes d'entraînement",
    "test.C4": "mesure de fuite",
    "test.C5": "distribution des pertes",
    "test.C6": "vitesse de réapprentissage",
    "test.C7": "extraction de textes",
    "test.D1": "temps",
    "h.not_shown": "Ce que ceci ne montre pas",
    "not_shown": "Que la base ou d'autres checkpoints n'ont jamais vu les mêmes données. Que "
    "copies, sauvegardes ou jeux de données sont supprimés. Que rien sur une personne ne peut "
    "sortir du modèle. Qui est le signataire, ni l'heure au-delà de son horloge. Le respect "
    "d'une loi : c'est au responsable du traitement d'en décider.",
    "h.key": "Clé et vérification",
    "key.by": "Signé par {name}, {time} selon sa propre horloge. Comparer l'empreinte par "
    "téléphone ou sur papier :",
    "key.nobody": "un signataire non nommé",
    "key.demo": "CLÉ DE DÉMONSTRATION : identité non établie. N'importe qui peut signer avec elle.",
    "key.check": "Vérifier hors ligne, avec sa propre copie du vérificateur et de la clé :",
    "key.qr": "Tête du journal après {entries} entrées, sans ce certificat. Garder ce code "
    "ailleurs : un journal dont l'une de ces entrées a été changée n'a plus cette tête.",
    "h.next": "Prochaine date, conservation",
    "next": "Prochaine date : {date}. Conservation de cette pièce : {retention}.",
    "draft": "Un projet, non un conseil juridique : vérifiez chaque phrase. Vous seul pouvez "
    "compléter ce qui est entre [crochets].",
    "h.answer": "Projet de réponse à la personne qui a demandé",
    "answer.to": "À [nom], au sujet de votre demande {reference} du {received}",
    "answer.done": "Le {completed}, nous avons retiré de notre modèle la partie {tasks}. Le modèle "
    "a été recalculé à partir des seules parties restantes ; un second calcul séparé, sans cette "
    "partie, a donné les mêmes nombres.",
    "answer.replaced": "Le {completed}, nous avons remplacé la partie {tasks} de notre modèle par "
    "une version entraînée de nouveau. Le modèle a été recalculé à partir des autres parties et de "
    "la nouvelle version ; un second calcul séparé, sans l'ancienne version, a donné les mêmes "
    "nombres.",
    "answer.means": "Cette partie avait été entraînée avec [lesquelles de vos données, le cas "
    "échéant]. Elle a été retirée en entier.",
    "answer.means.replaced": "L'ancienne version avait été entraînée avec [lesquelles de vos "
    "données, le cas échéant]. Elle a été retirée en entier ; la nouvelle a été entraînée sans "
    "[lesquelles].",
    "answer.limits": "Ne sont pas concernés : le modèle de base, les autres parties et les "
    "copies faites auparavant. {copies} Sauvegardes : {backups}.",
    "answer.copies": "Copies antérieures inscrites qui ne sont pas encore rappelées : {alive}.",
    "answer.rights": "En cas de désaccord, vous pouvez saisir [autorité de contrôle] ou un "
    "tribunal. Questions : [contact].",
    "answer.never": "Un retrait exact n'est pas démontré ; il n'y a encore rien à communiquer. "
    "Retirez d'abord la partie exactement, et faites-le vérifier.",
    "h.notice": "Projet d'avis aux destinataires",
    "notice.to": "À {recipients}, référence {reference}",
    "notice.body": "Vous avez reçu de nous un modèle qui contient la partie {tasks}. Elle a été "
    "retirée le {completed}. Copies concernées : {copies}.",
    "notice.replaced": "Vous avez reçu de nous un modèle qui contient une ancienne version de la "
    "partie {tasks}. Elle a été remplacée le {completed} par une version entraînée de nouveau. "
    "Copies concernées : {copies}.",
    "notice.ask": "Veuillez supprimer ces copies, aussi dans les sauvegardes et dans les "
    "modèles qui en sont issus, nous le confirmer avant le [date], puis utiliser la nouvelle "
    "version.",
    "h.signed": "Dans les mots signés",
}

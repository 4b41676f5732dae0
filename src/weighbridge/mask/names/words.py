"""Small lists that rules about names lean on: titles, cues, words that are names and something else as well."""

from __future__ import annotations

# ruff: noqa: RUF001  # apostrophes of all kinds stand in what people write


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _set(
    "mr mrs ms mx miss mister dr doctor prof professor sir madam dame lord lady rev reverend capt captain lt lieutenant "
    "sgt sergeant maj major col colonel gen nurse officer detective inspector constable uncle aunt auntie coach "
    "herr herrn frau hr fr fräulein dipl mme mlle mons monsieur madame mademoiselle maître docteur professeur sr sra srta señor "
    "señora señorita don doña sig sigra signor signora signore dott dottoressa dottore avv ing dhr mevr mevrouw meneer "
    "heer pan pani pana panu panią senhor senhora fru"
)
"""What stands before a person's name, in small letters and without a full stop."""

WEAK_TITLES = _set(
    "fr don pan fru ing major gen col coach nurse officer miss lady lord heer sr hr detective doctor professor uncle aunt captain docteur"
)
"""Titles that count only with a capital behind them."""

AFTER_TITLES = _set("md phd jr sr esq ii iii iv dds rn cpa")
"""What stands behind a person's name and belongs to it."""

PARTICLES = _set(
    "de da do dos das del della di du van von der den ter ten te la le zu zur zum af av bin ibn al el ben abu o st mc mac"
)
"""Small words inside names."""

RELATIVES = _set(
    "wife husband son daughter kid child brother sister mother father mom mum dad friend girlfriend boyfriend fiancé "
    "fiancée colleague coworker boss neighbor neighbour roommate partner cousin nephew niece grandmother grandfather "
    "grandma grandpa patient client applicant tenant employee customer named called"
)
"""Words after which a capitalised word is a person."""

STARRING = _set("starring feat featuring ft")

INTRODUCTIONS: tuple[str, ...] = (
    r"my (?:full |first |last |real |given |maiden )?name(?: is|['’]s|:)",
    r"(?:his|her|their|whose|maiden|sur|first|last|middle|nick) ?name(?: is| was|['’]s)",
    r"call(?:s|ed)? (?:me|him|her)",
    r"i am called",
    r"(?:ich heiße|ich heisse|mein name ist|mein name lautet)",
    r"(?:je m['’]appelle|mon nom est|mon prénom est|je me nomme)",
    r"(?:me llamo|mi nombre es|mi apellido es)",
    r"(?:mi chiamo|il mio nome è|il mio cognome è)",
    r"(?:ik heet|mijn naam is)",
    r"(?:nazywam się|mam na imię|moje imię to|moje nazwisko to)",
    r"(?:meu nome é|chamo-me|me chamo)",
    r"(?:jag heter|mitt namn är)",
)
"""What people say before a name, in small letters: what follows is one, whatever its case."""

PRESENTATIONS: tuple[str, ...] = (
    r"i am",
    r"i['’]m",
    r"this is",
    r"it['’]s",
    r"ich bin",
    r"je suis",
    r"soy",
    r"sono",
    r"ik ben",
    r"jestem",
    r"sou",
)
"""What people say before a name and before much else: only capitals count behind it."""

GREETINGS: tuple[str, ...] = (
    (
        r"(?:dear|hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you|cheers|regards|sincerely|love|yours|congrats"
        r"|congratulations|welcome|bye|goodbye|rip|hallo|liebe|lieber|grüße|gruß|bonjour|cher|chère|cordialement|hola|estimado"
        r"|estimada|querido|querida|saludos|gracias|ciao|caro|cara|gentile|saluti|grazie|beste|groeten|cześć|dzień dobry"
        r"|pozdrawiam|olá|hej|follow up with|meeting with|met with|talked to|talk to|spoke with|speak to|signed by|written by"
        r"|prepared by|reviewed by|approved by|directed by|call from|email from|on behalf of)"
    ),
)
"""Greetings, farewells and such, before a capitalised name."""

FIELDS: tuple[str, ...] = (
    (
        r"(?:(?:full|first|last|middle|given|family|maiden|patient|customer|client|contact|employee|user|account|applicant"
        r"|student|guest|cardholder|sender|recipient|beneficiary|emergency contact|card ?holder|account ?holder)?[ _-]?names?"
        r"|surname|forename|patient|applicant|client|customer|contact(?: person)?|attn|attention|author|authors|directed by"
        r"|director|employee|manager|supervisor|physician|doctor|attending|nurse|student|teacher|sender|recipient|card ?holder"
        r"|account ?holder|beneficiary|policy ?holder|insured|witness|defendant|plaintiff|claimant|tenant|landlord|next of kin"
        r"|signed|signature|prepared by|reviewed by|approved by|from|to|cc|bcc|name on (?:the )?(?:account|card)|assignee"
        r"|reporter|interviewer|interviewee|nachname|vorname|ansprechpartner|patientin|kunde|kundin|nom|prénom|nombre|apellidos?"
        r"|paciente|cognome|nome|paziente|naam|voornaam|achternaam|imię|nazwisko|pacjent|namn|efternamn|förnamn)"
    ),
)
"""Labels of fields that hold a person's name."""

NOT_NAMES = _set(
    "the a an and or but if then so because as at by for from in into of off on onto out over to up with without not no yes "
    "i you he she it we they me him her us them my your his its our their this that these those there here what who whom "
    "whose which when where why how is are was were be been being am do does did done have has had having will would shall "
    "should can could may might must let get got please thanks thank hello hi hey dear ok okay well just also very much "
    "more most some any all every each both few many other another such only own same than too now again once more sorry "
    "yes sure however therefore moreover meanwhile although though while since until after before during about against "
    "between through under above below re fwd fw cc bcc subject date time sent "
    "january february march april june july august september october november december jan feb mar apr jun jul aug sep sept "
    "oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun today "
    "tomorrow yesterday tonight morning afternoon evening night week month year day christmas easter "
    "true false null none nan undefined name names address phone email mail mobile tel fax city state country zip code "
    "number id ssn dob age sex gender male female title note notes summary question answer user assistant system bot human "
    "admin customer client patient doctor section article chapter page table figure part appendix step example task input "
    "output error warning info debug todo version total amount price order invoice account bank card street road avenue "
    "new old good great best better first last next previous early late high low big small long short day "
    "english french german spanish italian chinese japanese korean russian american british european python java "
    "javascript typescript rust linux windows google apple microsoft amazon openai anthropic gemini chatgpt gpt "
    "github docker kubernetes markdown json xml html css sql api url http https pdf csv "
    "mom mum dad mommy daddy god lord jesus christ team everyone everybody all guys folks friends friend man dude bro sir "
    "madam madame ladies gentlemen world important doctor professor officer love happy glad sorry fine ready trying going looking writing "
    "working interested wondering planning having making using getting seeing sure afraid new here back done "
    "der die das den dem des ein eine einen einer und oder aber ich du er sie es wir ihr nicht ist sind war hat haben bitte "
    "le la les un une des et ou je tu il elle nous vous ils elles est sont pas ce cette el los las una y o yo no es son "
    "por para con de del al lo gli uno e non mi di da in het een en van niet ik je wij zijn i w na z się nie jest to"
)
"""Words, in small letters, that begin with a capital for other reasons than that somebody is called so."""

ALSO_WORDS = _set(
    "art angel amber autumn ash baker banks bay bear bell berry bill bishop black blue bond brook brooks brown "
    "buck bush butler carol carter case cash chance chase chip church clay cliff cook cooper crystal dale daisy dawn dean "
    "destiny dick drew duke earl faith field fields fisher ford forest fox frank gale gene ginger grace grant gray green grey "
    "guy hall harmony hill holly honey hope house hunter iris ivory ivy jack jade jay jean jewel joy king knight lake "
    "lane law lee lily little long love major mark marks marsh mason max mercy mike miles mill mills miller mission moon "
    "moore more nick noble north olive page paige park parker parks pat patience pearl penny piper pope porter potter power "
    "price prince queen rain ray reed rich rider river rivers rob robin rock rod roman rose rosemary ross ruby rusty sage "
    "sandy savage sharp sky skip smith sol south spring star sterling stone storm street strong sue summer summers swift "
    "taylor terry trinity turner victor violet wall walker ward waters weaver wells west white will winter wise wolf wood "
    "woods worth wright young"
)
"""Names, in small letters, that are words as well: only a capital makes names of them, and not at the start of a sentence."""

GIVEN = _set(
    "aaron abdul abigail adam adrian agnes ahmed aisha alan albert alejandro alessandro alex alexander alexandra alexis "
    "alfred ali alice alicia alina alison alyssa amanda amelia amir amy ana anastasia andrea andreas andrew andré angela "
    "anita ann anna anne annie anthony antoine antonio arthur ashley barbara beatrice ben benjamin bernard beth betty brandon "
    "brenda brian bruce bryan carl carla carlos carmen caroline catherine charles charlie charlotte chloe chris christian "
    "christina christine christopher cindy claire clara claudia colin connor craig cynthia daniel daniela danielle david "
    "deborah debra denis dennis derek diana diane diego dmitri dominic donald donna dorothy douglas dylan edward elena eleanor "
    "elias elisabeth elizabeth ella ellen emily emma eric erik erin ethan eva evan evelyn fatima felix fernando florence "
    "francesca francesco francis francisco françois frederick gabriel gabriela gareth gary george gerald giovanni giulia "
    "giuseppe gloria gordon graham greg gregory hannah hans harold harry hassan heather hector helen helena henri henry howard "
    "hugo ian ibrahim igor ines ingrid irene isaac isabel isabella ivan jackson jacob jacqueline james jamie jan jane janet "
    "janice jason javier jeff jeffrey jennifer jeremy jerry jessica jim jimmy joan joanna joe joel johan johannes john johnny "
    "jonas jonathan jordan jorge josé jose joseph joshua josé juan judith judy julia julian julie jürgen justin karen karin "
    "karl kate katherine kathleen kathryn katie keith kelly ken kenneth kevin khalid kim kimberly klaus kristen kyle lars laura "
    "lauren laurent leah leo leon leonardo leslie liam linda lisa logan lorenzo louis louise luca lucas lucia lucy luis luke "
    "madison magdalena marc marco marcus margaret maria marie marina mario marion marta martha martin mary mateo mathieu matteo "
    "matthew matthias maureen maxim megan mehmet melanie melissa michael michel michelle miguel mohamed mohammed monica monika "
    "muhammad nadia nancy naomi natalia natalie nathan neil nicholas nicolas nicole nikolai nina noah nora oleg oliver olivia "
    "olga omar oscar pablo pamela patricia patrick paul paula paulo pavel pedro peter philip philippe phil pierre priya rachel "
    "rafael rajesh ralph ramon raquel rebecca ricardo richard rita robert roberto roger ronald rosa rosie ruth ryan sabine "
    "samantha samuel sandra sara sarah scott sean sebastian sergei sergio sharon sheila shirley silvia simon sofia sonia sophia "
    "sophie stefan stephanie stephen steve steven stuart susan svetlana sven sylvia tanya teresa theresa thomas tim timothy tina "
    "todd tom tomasz tony tracy tyler ursula valerie vanessa vera veronica victoria vincent viktor vladimir walter wayne wendy "
    "werner william wolfgang xavier yasmin yusuf yvonne zachary zoe"
)
"""Common given names, in small letters, that are hardly ever anything else."""

ORGANISATIONS = _set(
    "inc ltd llc llp corp corporation company co gmbh ag sa bv nv plc university college institute school bank group holdings "
    "partners association foundation ministry department agency committee council court commission union party hospital clinic "
    "church club society office board center centre museum hotel airlines airways systems technologies solutions services "
    "industries international entertainment records studios media news times weekly post magazine press army navy police"
)
"""Words that make what they stand in an organisation."""

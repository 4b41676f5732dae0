"""Where the letter of an answer stands, and how answers choose and reject one. Patterns for the grader `choice`.

Every length in a pattern is bounded, so that no text makes it slow. In every pattern the letter is the only group.
"""

from __future__ import annotations

import re
import unicodedata

from weighbridge.weigh.graders.base import ANSWER, WORD

#: Stands for an apostrophe within a word and is a letter itself: "I'd" is one word and holds no "I".
_JOINT = "\u02bc"
_CONTRACTED = re.compile(r"(?<=[^\W\d_])['\u2019](?=(?:s|d|m|t|ve|ll|re)(?!\w))", re.IGNORECASE)
#: "C'est", "l'option", "E' la": a letter with an apostrophe that no quote opened.
_ELIDED = re.compile(r"(?<![\w'\u2018\u2019\"`])([^\W\d_])['\u2019]")

#: "B'dir", "it is B" in Turkish.
_SUFFIXED = re.compile(r"(?<!\w)([A-J])['\u2019](?=[dt][\u0131iu\u00fc]r(?!\w))")

_OPEN = r"[\s(\[{*_\"'`$\u2018\u201c\u300c\u3010]{0,12}+"
_SHUT = r"[)\]}*_\"'`$\u2019\u201d\u300d\u3011]{0,8}+"
_TEX = r"(?:\\(?:boxed|text|textbf|mathrm|mathbf|rm|bf|\()\s?\{?[\s(]{0,3}){0,3}"
#: "The option", "la opci\u00f3n", "\u9009\u9879".
_KIND = (
    r"(?:option|choice|letter|statement|item|lett(?:re|era)|letra|buchstabe|alternativ[ae]|opci\u00f3n|op\u00e7\u00e3o|opzione|antwort"
    r"|r\u00e9ponse|\u0432\u0430\u0440\u0438\u0430\u043d\u0442|\u0431\u0443\u043a\u0432\u0430|\u9009\u9879|\u9078\u9805|\u9078\u629e\u80a2|\uc120\ud0dd\uc9c0)"
)
_ARTICLE = rf"(?:the|la|el|le|die|der|a|o|l{_JOINT})\s{{1,3}}"
_BY_ITSELF = rf"(?!{WORD})(?![+#&]|-\w|['\u2019]\w|\.[a-z](?!\w))"
_LETTER = rf"(?<!{WORD})([A-J]){_BY_ITSELF}"
_LEAD = rf"{_OPEN}(?:{_ARTICLE})?(?:(?:answer|correct)\s)?(?:{_KIND}\s{{0,3}})?{_OPEN}{_TEX}"
_ONE = _LEAD + _LETTER
_AND = r"(?:,?\s?(?:\b(?:and|or|nor|und|oder|et|ou|y|e|o|\u0438|\u0438\u043b\u0438)\b)|[/&]|\u548c|\u6216|\u53ca|\u4e0e|\u8207|\u3001|\u304b|\u3068)"
_VERB = rf"(?!\s(?:is|was|would|could|can|does|has|means|seems|looks|may|might|isn{_JOINT}t|doesn{_JOINT}t|cannot|describes|refers)\b)"
_ANOTHER = rf"{_OPEN}(?:{_KIND}\s)?{_OPEN}(?<!{WORD})[A-J]{_BY_ITSELF}"
_LIST = rf"(?>{_SHUT}\s?(?:{_AND}|,(?=\s?{_ANOTHER}\s?(?:,|{_AND}|$)))\s{{0,3}}{_ANOTHER}{_VERB}){{0,8}}+"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


#: The letter with its marks, and no more.
ALONE = re.compile(r"[\W_]*(?:\\(?:boxed|text)[\W_]*){0,2}([A-Ja-j])[\W_]*")
_IS = r"""(?:\b(?:is|was|be|are|remains|ist|lautet|w\u00e4re|est|serait|es|ser\u00eda|sarebbe|seria|adalah)(?!\w)
    |(?<!\w)(?:\u00e8|\u00e9|l\u00e0|\u0647\u064a|\u0647\u0648|\u0939\u0948)(?!\w)|[:=>\u2192\u2014]|\s-\s|\u662f|\u4e3a|\u70ba|\u9009(?!\u9879)|\u9078(?!\u9805|\u629e)|\u306f|\u304c|\uc740|\ub294|\u0e04\u0e37\u0e2d(?:\u0e02\u0e49\u0e2d)?)"""
_HEDGE = r"(?:\s{0,3}(?:clearly|definitely|probably|likely|therefore|thus|indeed|simply|still|actually)\b)?"
#: "The answer is (B)", "Correct: B", "the right option to take is **C**", "\u7b54\u6848\u9009B", "\boxed{D}", "#### D".
ANSWER_IS = _compiled(
    rf"""(?:(?<!{WORD})(?:{ANSWER}|answers|choice|option|selection|statement|solution|pick|guess|verdict|opci\u00f3n|op\u00e7\u00e3o|opzione
            |alternativa|l\u00f6sung|\u9009\u9879|\u9078\u9805|\u9078\u629e\u80a2)(?!{WORD})(?:[^\n.!?;]{{0,60}}?{_IS}|[*_\#\s]{{0,6}}\n)
        |(?<!{WORD})(?:final|correct|right|conclusion|result|chosen|selected)(?!\w)[*_\s]{{0,4}}[:=]
        |\#\#\#\#|\\boxed\s?(?={{)|(?:\u7b54\u6848|\u6b63\u89e3|\uc815\ub2f5)[\u3011\]]?(?=\s?[A-J(\[*])){_HEDGE}{_ONE}"""
)
#: "B is correct", "**B) iron** is the right one", "B\u6b63\u786e", "B\u3067\u3059".
IS_RIGHT = _compiled(
    rf"""{_LETTER}(?:{_SHUT}|[).:*]{{1,4}}\s?[^\n.,;:()]{{0,60}}?)(?:
        ,?\s(?:is|was|seems|appears|looks|sounds|must\sbe|would\sbe|should\sbe|est|ist|es|\u00e8|\u00e9|fits|works)\s
          (?:(?:clearly|definitely|probably|indeed|therefore|thus|obviously|actually|also|to\sbe)\s)?(?:(?:the|la|die)\s)?
          (?:(?:only|most|single)\s)?(?:correct|right|best|answer|accurate|appropriate|likely\sanswer|one\b(?!\sof)|bonne|juste
             |richtig|korrekt|giusta|corrett[ao]|cert[ao]|respuesta|r\u00e9ponse|risposta|resposta)
        |\smakes\sthe\smost\ssense|\s(?:\u0432\u0435\u0440|\u043f\u0440\u0430\u0432\u0438\u043b\u044c)\u043d
        |\s?(?:\u9009\u9879|\u9805|\u9879)?\s?(?:\u662f|\u4e3a|\u304c|\uac00|\uc774)?\s?(?:\u6b63\u786e|\u6b63\u78ba|\u7b26\u5408|\u5bf9|\u5c0d|\u6b63\u89e3|\u6b63\u3057\u3044|\uc815\ub2f5|\ub9de)
        |\s?(?:\u3067\u3059|\u3067\u3042\u308b|\u3060\u3068|\uc785\ub2c8\ub2e4|\uc774\ub2e4|\uc608\uc694|\uc774\uc5d0\uc694|\ubc88)
        |[^\n]{{0,80}}[\u2713\u2714\u2705])"""
)
#: "I'd go with B", "it must be B", "so B.", "\u6545\u9009B".
CHOSEN = _compiled(
    rf"""(?:\b(?:choose|chose|chosen|choosing|pick(?:ed|ing)?|select(?:ed|ing)?|go(?:ing)?\s(?:with|for)|opt(?:ed|ing)?\sfor|settled?\son
            |vote\sfor|lean(?:ing)?\stowards?|stick\swith|say|guess|w\u00e4hle|nehme|opte\spour|choisis|elijo|escojo|escolho|scelgo)(?!\w)
        |\b(?:it|that|this)(?:{_JOINT}s|\s(?:is|must\sbe|has\sto\sbe|should\sbe|would\sbe|leaves))(?!\w)|\bc{_JOINT}\sest(?!\w)
        |\u0432\u044b\u0431\u0438\u0440\u0430\u044e|(?<!\u4e0d)[\u9009\u9078](?:[\u62e9\u64c7]|\u7684\u662f)?:?(?!\u9879|\u9805|\u629e)
        |(?<!\w)(?:so|thus|therefore|hence|donc|also|daher|quindi|portanto|\u56e0\u6b64|\u6240\u4ee5|\u6545),?(?={_LEAD}[A-J]{_SHUT}\s?(?:$|[.,;!\n])))
        {_HEDGE}{_ONE}"""
)
#: Rejected beforehand: "not A", "rather than A or B".
_NOT = _compiled(
    rf"""(?:(?:\b(?:not|never|cannot|neither|nor|than|instead\sof|unlike|over|versus|rul\w{{1,4}}\sout|eliminat\w{{1,4}}|reject\w{{0,4}}
            |discard\w{{0,4}}|dismiss\w{{0,4}}|pas|nicht|no|n\u00e3o|non)|n{_JOINT}t|(?<!\w)\u043d\u0435)(?!\w)|\u4e0d\u662f|\u5e76\u975e|\u800c\u975e|\u4e0d\u9009|\u4e0d\u9078|\u6392\u9664)
        (?:\s{{1,3}}(?:be|choose|pick|select|go\swith|say|es|\u00e9|\u00e8))?\s{{0,3}}{_ONE}{_LIST}"""
)
#: Rejected afterwards: "A is wrong", "A and C are not metals", "A\u9519\u8bef".
_WRONG = _compiled(
    rf"""{_LETTER}{_LIST}(?:[).:]?[ \t]?[^*\n]{{0,60}}\*\*|{_SHUT})(?:[ \t]?\([^()\n]{{0,60}}\))?(?:
        [ \t]{{1,3}}(?:(?:is|are|was|were|seems?|looks?|can\sbe|est|sont|ist|sind|es|son|\u00e8|sono|\u00e9|s\u00e3o)\s
            (?:(?:both|also|all|clearly|obviously|simply|just|therefore|definitely|factually|too)\s)?
            (?:not(?!\s(?:only|wrong|incorrect|false|just))|wrong|incorrect|false(?!\w)|out\b|invalid|inaccurate|eliminated|ruled\sout|excluded
              |irrelevant|unrelated|a\sdistractor|unlikely|implausible|faux|fausse|falsch|nicht|fals[oa]|sbagliat|errat|errad|incorret)
          |(?:is|are|was|does|do|can|could|would)n?{_JOINT}t\b|(?:does|do|can|could|would)\snot\b|cannot\b|n{_JOINT}\sest\spas|no\s(?:es|son)\b|n\u00e3o\b|\u043d\u0435)
        |\s?(?:\u9009\u9879|\u9805|\u9879)?\s?(?:[\u662f\u4e5f\u90fd\u5747\u7686\u306f\u304c\uc740\ub294\uac00])?\s?(?:\u9519|\u932f|\u4e0d\u6b63|\u4e0d[\u5bf9\u5c0d\u7b26\u662f\u80fd\u9069]|\u6709\u8bef|\u8aa4|\u9593\u9055|\ud2c0|\uc544\ub2c8|\uc624\ub2f5))"""
)
_SINGLE = re.compile(_LETTER)
#: The options themselves, repeated.
_OPTIONS = re.compile(r"(?:^|\n)[ \t>*_-]{0,6}\(?A[).:][^\n]*(?:\n\s*[>*_-]{0,4}[ \t]?[*_]{0,2}\(?[B-J][).:][^\n]*)+")
#: "B) foo", "(B) foo", "B. foo", "**B**: foo", "B, since", "B iron", or the letter on a first line of its own.
FIRST = re.compile(
    r"""[\W_]{0,8}(?:(?=([A-Ja-j]))(?:[A-J](?:[)\]]|[.:](?=\s|[*_]|$)|[*_"'`$]{0,4}\s*\n)
            |(?<=\*)[A-J]\*|(?<=_)[A-J]_|(?<=")[A-J]"|(?<=')[A-J]'|(?<=`)[A-J]`|(?<=\$)[A-J]\$
            |[A-HJ]\s{1,3}[-\u2013\u2014]\s|[A-HJ],?\s(?:because|since|as|given)\b|[A-HJ],\s(?:for|which|it|the|this)\b
            |[B-DF-HJ]\s(?!is\b|are\b|was\b|has\b|can\b|or\b|and\b)\w{1,20}(?:\s\w{1,20}){0,2}[.]?\s*$
            |[a-j][).]\s\w{2,20}[^\n]{0,100}$))""",
    re.VERBOSE,
)
#: "Option B", "la risposta B".
OPTION = _compiled(rf"(?<!{WORD})(?:{ANSWER}|{_KIND})(?:\s(?:choice|option))?\s?{_OPEN}{_LETTER}")
_STARTS = r"(?:^|(?<=[\n.:;,\u2014]\s)|(?<=\n)|(?<=\sis\s)|(?<=\sbe\s))"
#: "(B)", "**B**", "**B. iron**", "[B]".
MARKED = re.compile(
    rf"(?<!\w)[(\[](?=[A-J][)\]])([A-J])|\*\*\(?(?=[A-J](?:[).:]?\*\*|[).:]\s[^*\n]{{1,80}}\*\*))([A-J])|{_STARTS}([A-J])\)\s"
)
#: A letter between spaces or marks. "I" is a word of English; so is "A", but no one writes it large within a sentence.
STANDING = re.compile(rf"(?<!{WORD})([B-HJ]){_BY_ITSELF}|(?:(?<=[a-z,;:]\s)|^(?=A,))(A){_BY_ITSELF}(?!\s[a-z])")
#: Where a letter by itself is a choice: "I think B", "but B", "iron, B.". Not "vitamin C".
AT_CHOICE = re.compile(
    rf"""(?:\b(?:is|are|be|think|believe|but|say|guess|probably|likely|definitely|maybe|perhaps|[Oo]nly|just|except|la|so|thus|then|hence|therefore|est
        |es|ist|\u00e8|\u00e9|que|\u044d\u0442\u043e)\s|[\u662f\u4e3a\u306f]\s?){_OPEN}[A-J]{_BY_ITSELF}|[,;:.\u2013\u2014-]\s{_OPEN}[A-J]{_SHUT}[.!]?\s*$""",
    re.VERBOSE,
)
#: After a letter: another one that is as good. "A or B", "(A) wood or (B) iron".
GOES_ON = _compiled(
    rf"""{_SHUT}\.?\s?(?:{_AND}|,(?=\s?{_ANOTHER}\s?(?:,|{_AND}|\.?\s*$)))\s{{0,3}}{_ANOTHER}{_SHUT}{_VERB}
        |[)\].:][^\n.;,]{{0,40}}\b(?:or|oder|ou|\u0438\u043b\u0438)\s{_OPEN}[A-J][)\].:]"""
)


def plain(text: str) -> str:
    """An answer in NFKC whose apostrophes within words are letters."""
    text = _SUFFIXED.sub(r"\1 ", unicodedata.normalize("NFKC", text).strip())
    text = _CONTRACTED.sub(_JOINT, text)
    return _ELIDED.sub(rf"\1{_JOINT} ", text)


def without_rejected(text: str) -> str:
    """An answer without the letters that it says no to."""
    for pattern in (_NOT, _WRONG):
        text = pattern.sub(lambda match: _SINGLE.sub(_JOINT, match[0]), text)
    return text


def without_options(text: str) -> str:
    """An answer without the options where it repeats them from A on."""
    return _OPTIONS.sub(_after_options, text).strip()


def _after_options(match: re.Match[str]) -> str:
    """The lines from the first on that does not go on in the order of the options."""
    lines, last = match[0].splitlines(), ""
    for place, line in enumerate(lines):
        if found := _SINGLE.search(line):
            if found[1] <= last:
                return "\n" + "\n".join(lines[place:])
            last = found[1]
    return "\n"

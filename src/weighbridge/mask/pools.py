"""Invented words that names are made of. They sound like names, are none, and begin no ordinary word.

A word is put together of three parts, so that there are enough of them for large tables. Chinese names have a family
name of two characters and two more, all of them rare together.
"""

from __future__ import annotations

_STARTS = (
    "Balv", "Belm", "Birk", "Bolv", "Brav", "Brel", "Calv", "Celv", "Corv", "Dalv", "Darv", "Delv", "Dorv", "Drav", "Drem",
    "Dulv", "Elbr", "Elvr", "Erv", "Falk", "Felv", "Filb", "Folv", "Galv", "Garv", "Gelb", "Gilv", "Gorv", "Halv", "Harv",
    "Helb", "Hilv", "Holv", "Ilv", "Irv", "Jalv", "Jarv", "Jelm", "Jolv", "Kalv", "Karv", "Kelm", "Kilv", "Korv", "Krel",
    "Lorv", "Lulv", "Malv", "Melv", "Milv", "Morv", "Nalv", "Nelv", "Nilv", "Norv", "Olv", "Orv", "Palv", "Pelv", "Polv",
    "Ralv", "Relm", "Rilv", "Rolv", "Salv", "Selm", "Silv", "Solv", "Tarv", "Telv", "Tilv", "Torv", "Trel", "Ulv", "Valm",
    "Velm", "Vilm", "Volm", "Walv", "Welm", "Wilv", "Wolv", "Yalm", "Yelv", "Zalm", "Zelv", "Zilm", "Zolv",
)  # fmt: skip
_MIDDLES = ("ab", "ad", "ak", "am", "ar", "eb", "ed", "ek", "em", "er", "ib", "id", "im", "ir", "ob", "od", "ok", "om", "or",
            "ub", "ud", "uk", "um", "ur")  # fmt: skip
_ENDS = (
    "ael", "aik", "ain", "aud", "auk", "eik", "eil", "eith", "iam", "iek", "iel", "ieth", "iok", "ith", "oak", "oel", "oik",
    "oum", "ouk", "oveth", "uel", "uik", "uin", "uvik", "yk", "yl", "ym", "yth",
)  # fmt: skip
_PLACES = ("abrok", "adorp", "afell", "agrund", "aholm", "akoog", "amoor", "apol", "astad", "athwaite", "avik", "awold")
_HAN_FAMILY = (
    "澹台",
    "尉迟",
    "濮阳",
    "钟离",
    "闾丘",
    "亓官",
    "夹谷",
    "宰父",
    "谷梁",
    "拓跋",
    "轩辕",
    "段干",
    "百里",
    "东郭",
    "微生",
    "羊舌",
)
_HAN_GIVEN = "澜璟骞珩璇琮瑄翊筠芃昶晔煊烨彧琬琰珺璐瑾璠翀翎翮蘅蓁薇芷菡荻湄泠沅淇涵滢瀚岚峤嵘崚屹昀昕晗晞曜暄"

WORDS = len(_STARTS) * len(_MIDDLES) * len(_ENDS)  #: how many there are
ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
"""What ids are spelled with: no vowels, so that they make no words, and nothing that is read for something else."""


def word(number: int) -> str:
    """One of the invented names, with a capital."""
    number, end = divmod(number, len(_ENDS))
    number, middle = divmod(number, len(_MIDDLES))
    return _STARTS[number % len(_STARTS)] + _MIDDLES[middle] + _ENDS[end]


def place(number: int) -> str:
    """The invented name of a place."""
    number, end = divmod(number, len(_PLACES))
    number, middle = divmod(number, len(_MIDDLES))
    return _STARTS[number % len(_STARTS)] + _MIDDLES[middle] + _PLACES[end]


def han_family(number: int) -> str:
    """A Chinese family name: two characters."""
    return _HAN_FAMILY[number % len(_HAN_FAMILY)]


def han_given(number: int) -> str:
    """An invented Chinese given name: two characters."""
    number, second = divmod(number, len(_HAN_GIVEN))
    return _HAN_GIVEN[number % len(_HAN_GIVEN)] + _HAN_GIVEN[second]


def ident(number: int, length: int) -> str:
    """An id of that many letters and digits."""
    made = []
    for _ in range(length):
        number, at = divmod(number, len(ALPHABET))
        made.append(ALPHABET[at])
    return "".join(made)

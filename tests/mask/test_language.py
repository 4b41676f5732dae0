"""The language of a text by its script and its little words."""

from __future__ import annotations

import pytest

from weighbridge.mask.language import has_han, language_of


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Could you please check whether my order has been shipped to the new address?"),
        ("de", "Könnten Sie bitte prüfen, ob meine Bestellung an die neue Adresse geschickt wurde?"),
        ("fr", "Bonjour, pouvez-vous vérifier que ma commande est partie pour la nouvelle adresse ?"),
        ("es", "Hola, quisiera saber si el pedido que hice está en camino a mi nueva dirección."),
        ("it", "Buongiorno, vorrei sapere se il mio ordine è stato spedito alla nuova casa."),
        ("nl", "Kunt u nagaan of mijn bestelling naar het nieuwe adres is gestuurd? Ik wacht op een antwoord."),
        ("pl", "Proszę sprawdzić, czy moje zamówienie zostało wysłane na nowy adres, bo nie mam wiadomości."),
        ("zh", "请帮我查一下我的订单是否已经寄出。"),
        ("ja", "注文した商品が発送されたかどうか確認してください。"),
        ("ko", "주문한 상품이 발송되었는지 확인해 주세요."),
        ("ru", "Проверьте, пожалуйста, отправлен ли мой заказ."),
    ],
)
def test_languages_are_told_apart(language, text):
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", "12345", "x = 1", "Anna", "!!!"])
def test_what_says_nothing_is_taken_for_english(text):
    assert language_of(text) == "en"


def test_a_foreign_name_in_a_sentence_does_not_change_its_language():
    assert language_of("The report that 张三 sent to the office is on my desk, and it is not complete.") == "en"
    assert language_of("客户 Anna Smith 的订单还没有寄出。") == "zh"


def test_only_the_start_of_a_long_text_is_looked_at():
    assert language_of("the and of to is " * 1_000 + "und der die das " * 100_000) == "en"


def test_chinese_characters_are_seen():
    assert has_han("call 张三 back")
    assert not has_han("call Ånna さん back")

"""Answers as engines write them, in many notations and languages: which number do they arrive at?"""

# ruff: noqa: RUF001 - full-width marks are what such answers hold
from __future__ import annotations

import time

import pytest

from weighbridge.weigh.graders.number import number

ROWS = [
    ("\\boxed{\\frac{3}{4}}", 0.75),
    ("\\boxed{\\dfrac{1}{2}}", 0.5),
    ("$\\frac{-7}{2}$", -3.5),
    ("-\\frac{7}{2}", -3.5),
    ("\\boxed{-\\dfrac{7}{2}}", -3.5),
    ("1\\frac{3}{4}", 1.75),
    ("\\frac12", 0.5),
    ("\\boxed{1{,}234}", 1234),
    ("\\boxed{1,\\!234}", 1234),
    ("\\boxed{1\\,234}", 1234),
    ("答案是18", 18),
    ("答えは１８です", 18),
    ("−½", -0.5),
    ("Answer: -½", -0.5),
    ("Tom has **7** apples. He started with 3 and bought 4.", 7),
    ("Answer: 18\n\nStep 1: 16-3-4=9", 18),
    ("The answer to question 3 is 12.", 12),
    ("**Answer to part 2:** 15", 15),
    ("Answer (rounded to 2 decimals): 3.14", 3.14),
    ("The answer is not 5 but 6.", 6),
    ("1.5 × 10^3", 1500),
    ("1.5 × 10³", 1500),
    ("1.5 x 10^3", 1500),
    ("$1.5 \\times 10^{3}$", 1500),
    ("2 \\cdot 10^{-3}", 0.002),
    ("6.02 × 10²³", 6.02e23),
    ("3²", 9),
    ("The area is 25 cm²", 25),
    ("The volume is 8 m³.", 8),
    ("3 / 4", 0.75),
    ("x = - 7", -7),
    ("minus 5", -5),
    ("The answer is minus 5.", -5),
    ("10 minus 5", 5),
    ("USD1,234", 1234),
    ("US$1,234", 1234),
    ("Rs. 500", 500),
    ("Rs.500", 500),
    ("₹12,34,567", 1234567),
    ("₹1,23,456.50", 123456.5),
    ("$2.5 million", 2500000),
    ("$2.5M", 2500000),
    ("5k", 5),
    ("$5k", 5000),
    ("2,5 Millionen Euro", 2500000),
    ("3 миллиона", 3000000),
    ("3万", 30000),
    ("3万5000円", 35000),
    ("1.5亿", 150000000),
    ("3亿5000万", 350000000),
    ("5千克", 5),
    ("($500)", 500),
    ('{"reasoning": "9 * 2 = 18", "answer": "18"}', 18),
    ('{"answer": 18, "reasoning": "16-3-4 = 9"}', 18),
    ("Answer: Let's think step by step. 16 - 3 = 13. 13 - 4 = 9. 9 * 2 = 18", 18),
    ("Answer: 16 - 3 - 4 = 9 eggs, 9 * 2 = 18", 18),
    ("Answer: Janet's ducks lay 16 eggs per day. She sells 9. 9*2 = $18.", 18),
    ("### Step 1\n3+4=7\n#### Step 2: 7*2=14", 14),
    ("#### 2. Compute: 7*2 = 14", 14),
    ("a\n#### 18", 18),
    ("#### $1,234", 1234),
    ("So she makes 9 * 2 = **$18** every day.", 18),
    ("**Step 1:** 16 - 3 = 13\n**Step 2:** She sells the rest, which is 13 eggs", 13),
    ("**18 dollars**\n\nShe has 9 eggs.", 18),
    ("Therefore, the final answer is: $\\boxed{18}$. I hope it is correct.", 18),
    ("The final answer is $\\boxed{x = 18}$", 18),
    ("\\[\\boxed{18 \\text{ dollars}}\\]", 18),
    ("\\boxed{\\$18}", 18),
    ("\\boxed{\\text{18 dollars}}", 18),
    ("**Final Answer:** 18", 18),
    ("**Final Answer**\n\n18", 18),
    ("## Final Answer\n\n$\\boxed{90^\\circ}$", 90),
    ("Final answer: 18 dollars", 18),
    ("The answer is **18** dollars per day.", 18),
    ("La respuesta es 18.", 18),
    ("La réponse est 3,5.", 3.5),
    ("Die Antwort lautet: 18", 18),
    ("Ответ: 18", 18),
    ("Ответ: −7", -7),
    ("정답은 18입니다.", 18),
    ("답: 18", 18),
    ("答案：18", 18),
    ("**答案：18元**", 18),
    ("因此，答案是 $\\boxed{18}$。", 18),
    ("所以她每天赚18美元。", 18),
    ("共有3个苹果和4个梨，一共7个", 7),
    ("第3题的答案是12", 12),
    ("The answer is 42 apples in 3 boxes.", 42),
    ("= 42. So the answer is forty-two.", 42),
    ("She earns $18. Let me know if you need 2 more answers!", 2),
    ("π ≈ 3.14", 3.14),
    ("x = 22/7 ≈ 3.142857", 3.142857),
    ("1e-7", 1e-7),
    ("The temperature is -7°C", -7),
    ("The answer is $-\\frac{3}{4}$.", -0.75),
    ("Answer: 3/4 cup", 0.75),
    ("Answer: 1 1/2", 1.5),
    ("Answer: 50%", 50),
    ("50\\%", 50),
    ("Answer: \\(\\frac{1}{3}\\)", 0.333333),
    ("There are 24 hours; 24 / 7 is unclear", 3.428571),
    ("So the answer is 18.\n\nStep-by-step: 16 - 3 - 4 = 9, 9 × 2 = 18", 18),
    ("The answer: in 5 days she makes **$90**.", 90),
    ("Answer: The total is 90 dollars.", 90),
    ("The answer is 1,234,567.89.", 1234567.89),
    ("The answer isn't 5, it's 6.", 6),
    ("The answer is 2^10.", 1024),
    ("x^2 = 49, so x = 7", 7),
    ("= 5^2 = 25", 25),
    ("v² = 49", 49),
    ("Final velocity: 3.0 × 10⁸ m/s", 3e8),
    ("Approximately 6.5 × 10⁻⁴", 0.00065),
    ("Answer: approx. 500", 500),
    ("The sum is negative 12.", -12),
    ("La réponse est moins 5.", -5),
    ("答案是负5", -5),
    ("Answer: 18.", 18),
    ('Answer: "18"', 18),
    ("**Answer: 18**", 18),
    ("Answer - 18", 18),
    ("The answer would be 18.", 18),
    ("Thus the result is 18, not 20.", 20),
    ("The correct answer is 3.5 billion years", 3500000000),
    ("Answer: 18\n\nExplanation: the 3 eggs are eaten and 4 baked.", 18),
    ("<think>Answer: 5? no 3+3=6</think>\n18", 18),
    ("maybe answer is 5\n</think>\n\n18", 18),
    ("12\u2009345", 12345),
    ("12\u00a0345", 12345),
    ("12\u202f345 km", 12345),
    ("12 345", 345),  # a plain space parts two numbers
]
HOSTILE = [
    "A ", "(((", "\\frac{", "\\frac{1}{", "9", "answer is ", "answer 1 + ", "**1", "1,", "- ", "\\boxed{", "= ", "####", "3\u4e07", "1 / ",
    "not 5 but ", "\u00bd", "2\u00b2", "USD", "1 million ", "minus 5 ", "1 x 10^3 ",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), ROWS)
def test_the_number_that_an_answer_arrives_at(text, value):
    got = number(text)
    assert got is not None
    assert float(got) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "text", ["B2B", "step one", "<think>42</think>", "\\boxed{\\text{none}}", "\u7b54\u6848\u662f\u5341\u516b"]
)
def test_no_number_is_read_where_none_stands(text):
    assert number(text) is None


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_answer_takes_no_longer_than_its_length(piece):
    started = time.perf_counter()
    number(piece * (200_000 // len(piece)))
    assert time.perf_counter() - started < 5

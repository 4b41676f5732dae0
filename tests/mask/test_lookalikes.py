"""What looks like personal data or a secret and is none stays as it is."""

import pytest

from weighbridge.mask.kinds import KINDS
from weighbridge.mask.scan import Scanner

LIKELY = 0.3

NONE_OF_THEM = (
    "password=<your password>",
    "password: ********",
    "api_key = sk-...",
    "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "export TOKEN=${TOKEN}",
    "token: $TOKEN",
    'key = os.getenv("API_KEY")',
    "api_key=os.environ['API_KEY']",
    "password = get_password()",
    "password = getpass.getpass()",
    "password: str | None = None",
    "def login(user: str, password: str) -> Token:",
    'parser.add_argument("--password", help="the password of the user")',
    "token = next(tokens)",
    "self.token = token",
    "secret: Optional[str]",
    "Passwords must have eight characters.",
    "The password is required and the token is invalid.",
    "pass the salt, please; bypass: the road is closed",
    "your_api_key_here",
    'api_key="YOUR_API_KEY"',
    "apiKey: process.env.API_KEY",
    "{{ secrets.API_KEY }}",
    "secretKeyRef: name",
    "max_tokens=4096, total tokens: 1500",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "id 123e4567-e89b-12d3-a456-426614174000",
    "released 2.31.0, then 2.32.1rc1 and v10.0.19045.3803",
    "at 2026-01-31T23:59:59Z, or 1767225599",
    "color: #a1b2c3; background: #fff",
    "https://docs.python.org/3/library/re.html#re.compile",
    "https://example.com/search?q=weighbridge&page=2",
    "git clone https://github.com/acme/tool.git",
    "postgres://localhost:5432/app",
    "postgres://user:password@localhost/app",
    "eyJABC.eyJDEF.GHIJKL",
    "a-task-risk-assessment-of-the-disk-sk-test",
    "sk-short123",
    "ghx_0000000000000000000000000000000000FAKE",
    "the pin is loose",
    "secretary: Smith; tokenization: done",
    "bearer of good news about everything",
    "0x7ffee4c0 at offset 1024",
    "Figure 3.2.1 shows 12.5% of 1,234,567 items",
)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


@pytest.mark.parametrize("text", NONE_OF_THEM)
def test_no_secret_and_nobody(scanner: Scanner, text: str) -> None:
    found = [
        (span.kind, text[span.start : span.end], span.score)
        for span in scanner.scan(text)
        if span.score >= LIKELY and KINDS[span.kind].level in {"secrets", "personal"}
    ]
    assert not found

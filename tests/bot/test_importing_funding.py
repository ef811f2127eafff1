"""`cadence import --quotas` and `--rates`: what is said, what is refused, and that the same file says nothing twice."""

import pytest
from sqlalchemy import create_engine, select
from typer.testing import CliRunner

from bot import cli
from models.domain.errors import BadFile, UserError
from models.tables import ExchangeRate, ImportRun, Partner, Quota

PARTNERS = "name,tier\nAcme,1\nBolt & Co,2\n"


@pytest.fixture
def cadence(tmp_path):
    """`cadence import …` of a text; what it printed, or its error raised."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path / 'cadence.db'}", "CADENCE_CURRENCY": "EUR", "COLUMNS": "200"}

    def run(text, *options, code=0):
        (tmp_path / "file.csv").write_text(text)
        done = CliRunner().invoke(cli.app, ["import", str(tmp_path / "file.csv"), *options], env=environment)
        if isinstance(done.exception, UserError):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output.splitlines()

    run(PARTNERS, "--partners")
    return run


def stored(tmp_path, table, *columns):
    engine = create_engine(f"sqlite:///{tmp_path / 'cadence.db'}")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(select(*columns).select_from(table).order_by(table.id))]
    engine.dispose()
    return found


def quotas(tmp_path):
    return stored(tmp_path, Quota, Quota.period, Quota.partner_id, Quota.currency, Quota.amount, Quota.source)


def rates(tmp_path):
    return stored(tmp_path, ExchangeRate, ExchangeRate.currency, ExchangeRate.into, ExchangeRate.day, ExchangeRate.rate)


THREE = 'Quarter,Partner,Target,Currency\n2026Q4,,"1,000,000",\n2026-Q4,acme,250000,USD\nQ1 2027,Bolt & Co,5.5,eur\n'


def test_targets_come_from_a_file_and_the_same_file_changes_nothing(cadence, tmp_path):
    said = cadence(THREE, "--quotas", "--dry-run")
    assert said == [
        "  read as: targets",
        "  columns: Quarter → period, Partner → partner, Target → amount, Currency → currency",
        "  2026Q4, the program: none → EUR 1,000,000",
        "  2026Q4, Acme: none → USD 250,000",
        "  2027Q1, Bolt & Co: none → EUR 5.50",
        "Dry run, nothing was changed. file.csv: 3 created, 0 changed, 0 unchanged.",
    ]
    assert quotas(tmp_path) == []
    assert cadence(THREE, "--quotas")[-1] == "file.csv: 3 created, 0 changed, 0 unchanged."
    acme, bolt = (partner_id for (partner_id,) in stored(tmp_path, Partner, Partner.id))
    assert quotas(tmp_path) == [
        ("2026Q4", None, "EUR", 100_000_000, "import"),
        ("2026Q4", acme, "USD", 25_000_000, "import"),
        ("2027Q1", bolt, "EUR", 550, "import"),
    ]
    assert cadence(THREE, "--quotas")[-1] == "file.csv: 0 created, 0 changed, 3 unchanged."
    changed = "period,partner,amount\n2026Q4,,900000\n2026Q4,Acme,\n2027Q1,Acme,\n"
    assert cadence(changed, "--quotas")[-3:] == [
        "  2026Q4, the program: EUR 1,000,000 → EUR 900,000",
        "  2026Q4, Acme: USD 250,000 → none",
        "file.csv: 0 created, 2 changed, 1 unchanged.",
    ]
    assert len(quotas(tmp_path)) == 5


def test_every_bad_target_is_named_by_line_column_and_reason(cadence, tmp_path):
    bad = (
        "period,partner,amount,currency\nsoon,,5,\n2026Q4,Acne,5,\n2026Q4,,1.2M,\n2026Q4,Acme,5,euros\n2026Q4,Acme,0,\n"
        "2026Q4,Bolt & Co,7,\n2026Q4,bolt & co,8,\n2026Q4,Acme,USD 5,\n"
    )
    with pytest.raises(BadFile) as refused:
        cadence(bad, "--quotas")
    assert refused.value.problems == (
        "line 2, period: “soon” is no quarter. Write one like 2026Q4.",
        "line 3, partner: “Acne” is not a partner we know. Did you mean Acme? Leave it empty for the program's target.",
        "line 4, amount: “1.2M” is shortened. Write the whole number, such as 412000.",
        "line 5, currency: “EUROS” is not a currency code. Use one like USD or EUR.",
        "line 6, amount: A target is above zero. Leave it empty where there is none.",
        "line 8: This target stands on line 7 too. Keep one of the two.",
        "line 9, amount: “USD 5” is not in EUR, the currency of this line.",
    )
    assert quotas(tmp_path) == []
    said = cadence(bad, "--quotas", "--skip-bad")
    assert said[-1] == "file.csv: 1 created, 0 changed, 0 unchanged, 7 skipped."
    assert sum(line.startswith("  left out: line") for line in said) == 7
    with pytest.raises(BadFile, match="lacks") as refused:
        cadence("partner\nAcme\n", "--quotas")
    assert len(refused.value.problems) == 2


def test_rates_come_from_a_file_and_of_one_day_the_last_one_counts(cadence, tmp_path):
    text = "currency,date,rate\nusd,2026-01-01,0.92\nUSD,1 Apr 2026,0.9\nJPY,2026-01-01,0.00621\n"
    assert cadence(text, "--rates")[2:] == [
        "  USD from 2026-01-01: 0.92 EUR",
        "  USD from 2026-04-01: 0.9 EUR",
        "  JPY from 2026-01-01: 0.00621 EUR",
        "file.csv: 3 created, 0 changed, 0 unchanged.",
    ]
    assert cadence(text, "--rates")[-1] == "file.csv: 0 created, 0 changed, 3 unchanged."
    assert cadence(text.replace("0.92", "0.930"), "--rates")[-2:] == [
        "  USD from 2026-01-01: 0.92 → 0.93 EUR",
        "file.csv: 0 created, 1 changed, 2 unchanged.",
    ]
    assert [rate for *_, rate in rates(tmp_path)] == ["0.92", "0.9", "0.00621", "0.93"]
    assert {(currency, into) for currency, into, *_ in rates(tmp_path)} == {("USD", "EUR"), ("JPY", "EUR")}
    kinds = [kind for (kind,) in stored(tmp_path, ImportRun, ImportRun.kind)]
    assert kinds == ["partners", "rates", "rates", "rates"]


def test_every_bad_rate_is_named_and_a_day_with_two_readings_is_asked_about(cadence, tmp_path):
    bad = (
        "currency,date,rate\nEUR,2026-01-01,1\nXXX,2026-01-01,1\nUSD,,1\nUSD,2026-01-01,one\nUSD,2026-01-01,-1\n"
        "USD,2026-02-30,0.9\nUSD,2026-02-01,0.9\nUSD,2026-02-01,0.8\n"
    )
    with pytest.raises(BadFile) as refused:
        cadence(bad, "--rates")
    said = refused.value.problems
    assert [one.partition(":")[0] for one in said] == [
        "line 2, currency", "line 3, currency", "line 4, date", "line 5, rate", "line 6, rate", "line 7, date", "line 9",
    ]  # fmt: skip
    assert "needs no rate into itself" in said[0]
    assert "is not a rate" in said[3]
    assert rates(tmp_path) == []
    with pytest.raises(BadFile, match="two readings"):
        cadence("currency,date,rate\nUSD,03/04/2026,0.9\n", "--rates")
    done = cadence("currency,date,rate\nUSD,03/04/2026,0.9\n", "--rates", "--dates", "dmy")
    assert done[-2] == "  USD from 2026-04-03: 0.9 EUR"


def test_options_that_mean_nothing_beside_them_are_usage_errors(cadence):
    for options, sentence in (
        (("--quotas", "--rates"), "choose one of --people, --partners, --targets, --quotas and --rates"),
        (("--rates", "--map", "A=rate"), "--map belongs to a deals file or an overlap"),
        (("--quotas", "--stage", "A=won"), "--stage belongs to a deals file"),
    ):
        assert sentence in " ".join("\n".join(cadence("a\n", *options, code=2)).replace("│", " ").split())

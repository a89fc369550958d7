import pytest

from orchestrator.domain.identity import DayId, Role
from tests.builders import DAY, a_day
from tests.integration.api.house import House

OTHER = DayId("day-2")


@pytest.fixture(autouse=True)
async def two_days(house: House) -> None:
    await house.storage.add_day(a_day(), [], [])
    await house.storage.add_day(a_day(id=OTHER), [], [])


async def test_issued_token_admits_its_person_to_its_day_only(house: House) -> None:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        issued = await facilitator.post(
            f"/api/v1/days/{DAY}/tokens", json={"name": " Ada ", "role": "responder"}
        )
    async with house.client(issued.json()["token"]) as ada:
        me = (await ada.get("/api/v1/me")).json()
        days = (await ada.get("/api/v1/days")).json()["days"]
        other = await ada.get(f"/api/v1/days/{OTHER}")
        nowhere = await ada.get("/api/v1/days/day-3")

    assert issued.status_code == 201
    assert issued.headers["cache-control"] == "no-store"
    assert me == {"name": "Ada", "role": "responder", "day": DAY, "is_scripted": False}
    assert [day["id"] for day in days] == [DAY]
    assert (other.status_code, nowhere.status_code) == (403, 403)


@pytest.mark.parametrize("role", [Role.AGENT, Role.RESPONDER, Role.READER])
async def test_only_facilitators_issue_tokens(house: House, role: Role) -> None:
    async with house.guest(role) as guest:
        refused = await guest.post(
            f"/api/v1/days/{DAY}/tokens", json={"name": "Mal", "role": "facilitator"}
        )

    assert refused.status_code == 403


async def test_facilitator_of_one_day_has_no_say_on_another(house: House) -> None:
    async with house.guest(Role.FACILITATOR) as facilitator:
        issued = await facilitator.post(
            f"/api/v1/days/{OTHER}/tokens", json={"name": "Mal", "role": "facilitator"}
        )
        planned = await facilitator.post(
            "/api/v1/days", content="version: 1", headers={"Content-Type": "application/yaml"}
        )

    assert [issued.status_code, planned.status_code] == [403, 403]


async def test_facilitator_without_a_day_sees_every_day(house: House) -> None:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        days = (await facilitator.get("/api/v1/days")).json()["days"]
        missing = await facilitator.get("/api/v1/days/day-3")

    assert {day["id"] for day in days} == {DAY, OTHER}
    assert missing.json()["type"] == "/problems/no-such-day"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer cd_000000000000_" + "a" * 43,
        "Basic Zm9vOmJhcg==",
        "cd_x_y",
    ],
)
async def test_stranger_is_not_let_in(house: House, header: str | None) -> None:
    async with house.client() as stranger:
        answer = await stranger.get(
            "/api/v1/me", headers={} if header is None else {"Authorization": header}
        )

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "/problems/not-authenticated"


async def test_token_in_the_address_lets_nobody_in(house: House) -> None:
    token = await house.token(Role.FACILITATOR)

    async with house.client() as stranger:
        answer = await stranger.get(f"/api/v1/me?token={token}&access_token={token}")

    assert answer.status_code == 401
    assert token not in answer.text


async def test_stranger_is_turned_away_before_the_body_is_looked_at(house: House) -> None:
    async with house.client() as stranger:
        answer = await stranger.post(
            f"/api/v1/days/{DAY}/halt",
            content="{broken",
            headers={"Content-Type": "application/json"},
        )

    assert answer.status_code == 401

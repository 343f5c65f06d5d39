"""What is said of SPF and DMARC of the sender's domain, by a real DNS server that answers well or on purpose badly."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from helpers.dns_server import Answer, DnsServer, txt
from tocsin_server.channels.email.published import dmarc_problems, spf_problems, warnings_about

SPF = "v=spf1 include:_spf.relay.example ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx/24//64 ~all redirect=x.example"
DMARC = "v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"
GOOD = {"shop.example": ["something=else", SPF], "_dmarc.shop.example": [DMARC]}
SENDER = "Shop <noreply@shop.example>"


async def test_what_is_right_is_not_spoken_of() -> None:
    with DnsServer(GOOD) as server:
        assert await warnings_about(SENDER, server.address) == []
        assert sorted(server.asked) == ["_dmarc.shop.example", "shop.example"]


async def test_a_record_in_several_strings_is_one() -> None:
    long = "v=spf1 " + "".join(f"ip4:192.0.2.{number} " for number in range(60)) + "-all"
    with DnsServer(GOOD | {"shop.example": [long]}) as server:
        assert await warnings_about(SENDER, server.address) == []


async def test_what_is_missing_is_told() -> None:
    with DnsServer({"shop.example": ["something=else"], "_dmarc.shop.example": []}) as server:
        spf, dmarc = await warnings_about(SENDER, server.address)
    assert spf.startswith("shop.example has no SPF record")
    assert dmarc.startswith("there is no DMARC record (TXT v=DMARC1; p=…) at _dmarc.shop.example")


async def test_a_domain_that_does_not_exist_has_neither() -> None:
    with DnsServer({}) as server:
        assert len(await warnings_about(SENDER, server.address)) == 2


async def test_of_two_records_receivers_take_none() -> None:
    with DnsServer({"shop.example": [SPF, "v=spf1 -all"], "_dmarc.shop.example": [DMARC, DMARC + ";"]}) as server:
        spf, dmarc = await warnings_about(SENDER, server.address)
    assert spf.startswith("shop.example has 2 SPF records")
    assert dmarc.startswith("_dmarc.shop.example has 2 DMARC records")


async def test_dmarc_of_the_domain_above_is_good_for_the_one_below() -> None:
    records = {"mail.eu.shop.example": [SPF], "_dmarc.shop.example": [DMARC]}
    with DnsServer(records) as server:
        assert await warnings_about("noreply@mail.eu.shop.example", server.address) == []
        assert "_dmarc.example" not in server.asked


async def test_a_long_name_costs_few_questions() -> None:
    with DnsServer({}) as server:
        await warnings_about("a@" + "a." * 60 + "shop.example", server.address)
        assert len(server.asked) <= 10
        assert "_dmarc.shop.example" in server.asked


async def test_a_name_in_another_script_is_asked_for_in_its_ascii_form() -> None:
    with DnsServer({}) as server:
        await warnings_about("noreply@bücher.example", server.address)
        assert "xn--bcher-kva.example" in server.asked


def servfail(question: dns.message.QueryMessage, right: dns.message.Message) -> dns.message.Message:
    right.set_rcode(dns.rcode.SERVFAIL)
    return right


def silence(question: dns.message.QueryMessage, right: dns.message.Message) -> None:
    return None


def for_another_question(question: dns.message.QueryMessage, right: dns.message.Message) -> dns.message.Message:
    other = dns.message.make_query("other.example", "TXT", id=question.id)
    assert isinstance(other, dns.message.QueryMessage)
    lie = dns.message.make_response(other)
    lie.answer.append(txt("other.example", [SPF, DMARC]))
    return lie


@pytest.mark.parametrize("answer", [servfail, silence, for_another_question])
async def test_what_dns_does_not_tell_is_one_line(answer: Answer) -> None:
    with DnsServer(GOOD, answer) as server:
        [said] = await warnings_about(SENDER, server.address, patience=0.5)
    assert said.startswith("SPF and DMARC of shop.example were not looked at: ")
    assert len(said) < 300


async def test_records_of_another_name_are_none_of_the_domains() -> None:
    def lie(question: dns.message.QueryMessage, right: dns.message.Message) -> dns.message.Message:
        right.set_rcode(dns.rcode.NOERROR)
        right.answer[:] = [txt("other.example", [SPF, DMARC])]
        return right

    with DnsServer(GOOD, lie) as server:
        assert len(await warnings_about(SENDER, server.address)) == 2


async def test_the_record_is_found_in_a_huge_answer() -> None:
    many = [f"verification-{number}={'x' * 100}" for number in range(450)]
    with DnsServer(GOOD | {"shop.example": [*many, SPF]}) as server:
        assert await warnings_about(SENDER, server.address) == []


async def test_an_answer_that_is_cut_off_and_not_to_be_had_over_tcp_is_one_line() -> None:
    def cut(question: dns.message.QueryMessage, right: dns.message.Message) -> dns.message.Message:
        right.answer.clear()
        right.flags |= dns.flags.TC
        return right

    with DnsServer(GOOD, cut) as server:
        [said] = await warnings_about(SENDER, server.address, patience=0.5)
    assert "were not looked at" in said


async def test_an_address_literal_has_no_dns() -> None:
    assert await warnings_about("noreply@[192.0.2.1]", None) == ()


@pytest.mark.parametrize(
    "record", ["v=spf1 ipv4:192.0.2.1", "v=spf1 ip4:192.0.2.256", "v=spf1 ip4:2001:db8::1 -all", "v=spf1 a -all."]
)
def test_an_spf_record_that_cannot_be_read_is_told(record: str) -> None:
    [said] = spf_problems("shop.example", [record])
    assert said.startswith("the SPF record of shop.example cannot be read at '")


@pytest.mark.parametrize(
    "record", ["v=spf1", "V=SPF1 -ALL", "v=spf1  exists:%{i}.x.example ?all", "v=spf1 a:b.example/24 -all"]
)
def test_an_spf_record_that_can_be_read_is_not_spoken_of(record: str) -> None:
    assert spf_problems("shop.example", [record]) == ()


def test_another_version_is_no_spf_record() -> None:
    assert "has no SPF record" in spf_problems("shop.example", ["v=spf10 -all"])[0]


@pytest.mark.parametrize("record", ["v=DMARC1", "v=DMARC1; p=rejct", "v=DMARC1; sp=reject", "v=DMARC1; p="])
def test_a_dmarc_record_that_cannot_be_read_is_told(record: str) -> None:
    [said] = dmarc_problems("shop.example", ("_dmarc.shop.example", [record]))
    assert said.startswith("the DMARC record at _dmarc.shop.example cannot be read")


@pytest.mark.parametrize("record", ["v=DMARC1;p=none", "v=DMARC1; sp=none; p = quarantine ;"])
def test_a_dmarc_record_that_can_be_read_is_not_spoken_of(record: str) -> None:
    assert dmarc_problems("shop.example", ("_dmarc.shop.example", [record])) == ()

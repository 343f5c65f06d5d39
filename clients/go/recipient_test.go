package tocsin_test

import (
	"encoding/json"
	"os"
	"testing"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

func TestExternalIdsHaveTheUUIDsThatEveryClientDerives(t *testing.T) {
	content, err := os.ReadFile("../conformance/external_ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Recipients []struct {
			Type       tocsin.RecipientType
			ExternalID string `json:"external_id"`
			ID         string
		}
	}
	if err := json.Unmarshal(content, &known); err != nil || len(known.Recipients) == 0 {
		t.Fatal(err, known)
	}
	for _, one := range known.Recipients {
		if id := one.Type.External(one.ExternalID).UUID(); id != one.ID {
			t.Errorf("%s %q: got %s, want %s", one.Type, one.ExternalID, id, one.ID)
		}
	}
}

func TestRecipientsAreReadFromText(t *testing.T) {
	for text, want := range map[string]tocsin.Recipient{
		"user:0190a5d0-0000-7000-8000-000000000001": tocsin.User.ID("0190a5d0-0000-7000-8000-000000000001"),
		"user:ext:42":               tocsin.User.External("42"),
		"guest:ext:shop:eu:7 / A+B": tocsin.Guest.External("shop:eu:7 / A+B"),
		"potential_customer":        tocsin.PotentialCustomer.Unregistered(),
	} {
		got, err := tocsin.ParseRecipient(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: got %#v, %v", text, got, err)
		}
	}
}

func TestTextThatIsNoRecipientIsRefused(t *testing.T) {
	for text, sentence := range map[string]string{
		"":          `tocsin: recipient "": its type is not one of user, guest, potential_customer, partner, other`,
		"robot:1":   `tocsin: recipient "robot:1": its type is not one of user, guest, potential_customer, partner, other`,
		"user:":     `tocsin: recipient "user:": there is no id after the colon`,
		"user:ext:": `tocsin: recipient "user:ext:": there is no id after the colon`,
	} {
		if _, err := tocsin.ParseRecipient(text); err == nil || err.Error() != sentence {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestAnIdIsItsOwnUUIDInLowerCase(t *testing.T) {
	if id := tocsin.User.ID("0190A5D0-0000-7000-8000-00000000000A").UUID(); id != "0190a5d0-0000-7000-8000-00000000000a" {
		t.Errorf("got %s", id)
	}
	if id := tocsin.Guest.Unregistered().UUID(); id != "" {
		t.Errorf("got %q for nobody", id)
	}
}

func TestARecipientIsTheSameByEitherId(t *testing.T) {
	external, id := tocsin.User.External("42"), tocsin.User.ID("D7E85231-8203-5A52-B1C5-50054FD1FEB4")
	for other, same := range map[tocsin.Recipient]bool{
		id: true,
		{Type: tocsin.User, ID: id.ID, ExternalID: "42"}: true,
		tocsin.User.External("43"):                       false,
		tocsin.Guest.External("42"):                      false,
		tocsin.User.Unregistered():                       false,
	} {
		if external.Equal(other) != same || other.Equal(external) != same {
			t.Errorf("%+v: want %v", other, same)
		}
	}
}

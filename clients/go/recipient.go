package tocsin

import (
	"crypto/sha1" //nolint:gosec // UUIDv5 is made of it
	"encoding/hex"
	"fmt"
	"strings"
)

// recipients is the namespace of the ids that follow from external ones: 168e5f94-48b9-5d76-bc1d-bb905714ad3f, as
// Recipient.external_id of the API names it.
var recipients = [16]byte{
	0x16, 0x8e, 0x5f, 0x94, 0x48, 0xb9, 0x5d, 0x76, 0xbc, 0x1d, 0xbb, 0x90, 0x57, 0x14, 0xad, 0x3f,
}

// external comes before an external id in text such as "user:ext:42".
const external = "ext:"

// A Recipient is whom a notification is for. With neither ID nor ExternalID it is somebody who is not registered, whom
// only addresses reach.
type Recipient struct {
	Type RecipientType
	// ID is a UUID.
	ID string
	// ExternalID is for those whose ids are no UUIDs: 1 to 255 characters. ID follows from it and may be left out; see
	// Recipient.UUID.
	ExternalID string
}

// ID returns the recipient of this type with a UUID.
func (t RecipientType) ID(id string) Recipient { return Recipient{Type: t, ID: id} }

// External returns the recipient of this type with an external id.
func (t RecipientType) External(id string) Recipient { return Recipient{Type: t, ExternalID: id} }

// Unregistered returns a recipient of this type who has no id.
func (t RecipientType) Unregistered() Recipient { return Recipient{Type: t} }

// ParseRecipient reads text such as "user:0190a5d0-…", "user:ext:42" or "guest". All that follows "ext:" is the
// external id, whatever colons it has.
func ParseRecipient(text string) (Recipient, error) {
	word, id, hasID := strings.Cut(text, ":")
	recipient := Recipient{Type: RecipientType(word)}
	if _, err := recipientTypes.number(recipient.Type); err != nil || word == "" {
		return Recipient{}, fmt.Errorf("tocsin: recipient %q: its type is not one of %s", text, recipientTypes.list)
	}
	externalID, isExternal := strings.CutPrefix(id, external)
	switch {
	case isExternal && externalID != "":
		recipient.ExternalID = externalID
	case isExternal || hasID && id == "":
		return Recipient{}, fmt.Errorf("tocsin: recipient %q: there is no id after the colon", text)
	default:
		recipient.ID = id
	}
	return recipient, nil
}

// String returns the recipient as ParseRecipient reads it.
func (r Recipient) String() string {
	switch {
	case r.ExternalID != "":
		return string(r.Type) + ":" + external + r.ExternalID
	case r.ID != "":
		return string(r.Type) + ":" + r.ID
	default:
		return string(r.Type)
	}
}

// UUID returns the id that the server knows the recipient by: ID, or what follows from ExternalID, the same in every
// client. It is empty for somebody who is not registered.
func (r Recipient) UUID() string {
	if r.ExternalID == "" {
		return strings.ToLower(r.ID)
	}
	hash := sha1.New() //nolint:gosec // UUIDv5 is made of it
	hash.Write(recipients[:])
	hash.Write([]byte(string(r.Type) + ":" + r.ExternalID))
	id := hash.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x50 // version 5
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	text := hex.EncodeToString(id)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// Equal tells whether two are the same recipient: one may be given by its external id, and the other by the UUID that
// follows from it.
func (r Recipient) Equal(other Recipient) bool {
	return r.Type == other.Type && r.UUID() == other.UUID()
}

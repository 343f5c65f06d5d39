package tocsin

import (
	"context"
	"iter"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// LeaseUndecided takes notifications that wait for a decision, under leases. With Wait it returns as soon as there is
// something, or with none when the wait is over.
func (c *Client) LeaseUndecided(ctx context.Context, options LeaseOptions) ([]*Undecided, error) {
	request, err := options.request()
	if err != nil {
		return nil, err
	}
	answer, err := c.decisions.LeaseUndecided(ctx, request)
	if err != nil {
		return nil, err
	}
	return each(answer.GetUndecided(), undecidedOf), nil
}

// Preview tells what would become of a decision if Route made it now. It fails as Route would, and changes nothing.
func (c *Client) Preview(ctx context.Context, id string, channels []Target, ruling Ruling) (*Preview, error) {
	request, err := ruling.request(id, channels)
	if err != nil {
		return nil, err
	}
	answer, err := c.decisions.Preview(ctx, &v1.PreviewRequest{Route: request})
	if err != nil {
		return nil, err
	}
	return &Preview{Decision: decisionOf(answer.GetDecision()), AlreadyMade: answer.GetAlreadyMade()}, nil
}

// WhoAmI returns as whom the caller is known, and what its token allows.
func (c *Client) WhoAmI(ctx context.Context) (*Caller, error) {
	answer, err := c.decisions.WhoAmI(ctx, &v1.WhoAmIRequest{})
	if err != nil {
		return nil, err
	}
	return &Caller{Name: answer.GetName(), Scopes: answer.GetScopes(), RPCs: answer.GetRpcs()}, nil
}

// Explain returns who decided about a notification, oldest first.
func (c *Client) Explain(ctx context.Context, id string) ([]Decision, error) {
	answer, err := c.decisions.Explain(ctx, &v1.ExplainRequest{Id: id})
	if err != nil {
		return nil, err
	}
	return each(answer.GetDecisions(), decisionOf), nil
}

// Simulate tells what would be decided about a notification that is not sent. Rules, TOML as in the server's file, take
// the place of those in force unless they are empty; mistakes in them are Violations of the error.
func (c *Client) Simulate(ctx context.Context, draft Draft, rules string) (*Simulation, error) {
	request, err := draft.request()
	if err != nil {
		return nil, err
	}
	answer, err := c.decisions.Simulate(ctx, &v1.SimulateRequest{Request: request, Rules: rules})
	if err != nil {
		return nil, err
	}
	return simulationOf(answer), nil
}

// Backtest tells what rules would have decided for the newest notifications that were stored, against what was.
func (c *Client) Backtest(ctx context.Context, options BacktestOptions) (*Backtest, error) {
	limit, err := int32Of("limit", options.Limit)
	if err != nil {
		return nil, err
	}
	answer, err := c.decisions.Backtest(ctx, &v1.BacktestRequest{
		Rules:    options.Rules,
		Since:    timestamp(options.Since),
		Until:    timestamp(options.Until),
		Category: options.Category,
		Limit:    limit,
	})
	if err != nil {
		return nil, err
	}
	return backtestOf(answer), nil
}

// PutContact creates or replaces as a whole how a registered recipient can be reached: what is left out is gone.
func (c *Client) PutContact(ctx context.Context, contact Contact) (*Contact, error) {
	request, err := contact.request()
	if err != nil {
		return nil, err
	}
	answer, err := c.contacts.PutContact(ctx, request)
	if err != nil {
		return nil, err
	}
	return contactOf(answer.GetContact()), nil
}

// GetContact returns a recipient's contact.
func (c *Client) GetContact(ctx context.Context, recipient Recipient) (*Contact, error) {
	message, err := recipientMessage(recipient)
	if err != nil {
		return nil, err
	}
	answer, err := c.contacts.GetContact(ctx, &v1.GetContactRequest{Recipient: message})
	if err != nil {
		return nil, err
	}
	return contactOf(answer.GetContact()), nil
}

// DeleteContact deletes a recipient's contact; without one it fails with ErrContactNotFound.
func (c *Client) DeleteContact(ctx context.Context, recipient Recipient) error {
	message, err := recipientMessage(recipient)
	if err != nil {
		return err
	}
	_, err = c.contacts.DeleteContact(ctx, &v1.DeleteContactRequest{Recipient: message})
	return err
}

// ListContacts returns one page of the contacts.
func (c *Client) ListContacts(ctx context.Context, filter ContactFilter) (*ContactPage, error) {
	kind, err := recipientTypes.number(filter.Type)
	if err != nil {
		return nil, err
	}
	size, err := int32Of("page size", filter.PageSize)
	if err != nil {
		return nil, err
	}
	answer, err := c.contacts.ListContacts(ctx, &v1.ListContactsRequest{
		RecipientType: v1.RecipientType(kind),
		PageSize:      size,
		PageToken:     filter.PageToken,
	})
	if err != nil {
		return nil, err
	}
	return &ContactPage{
		Contacts:      each(answer.GetContacts(), contactOf),
		NextPageToken: answer.GetNextPageToken(),
	}, nil
}

// AllContacts iterates over all contacts that match, reading page after page as they are used. An error ends it.
func (c *Client) AllContacts(ctx context.Context, filter ContactFilter) iter.Seq2[*Contact, error] {
	return pages(func(token string) ([]*Contact, string, error) {
		filter.PageToken = token
		page, err := c.ListContacts(ctx, filter)
		if err != nil {
			return nil, "", err
		}
		return page.Contacts, page.NextPageToken, nil
	})
}

package tocsin_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// An authority vouches for the certificates that it writes into a folder.
type authority struct {
	t           *testing.T
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, folder: t.TempDir()}
	a.certificate, a.key = a.issue("ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "An authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	content, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	a.must(err)
	private, err := x509.MarshalECPrivateKey(key)
	a.must(err)
	a.must(os.WriteFile(a.path(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}), 0o600))
	a.must(os.WriteFile(a.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600))
	issued, err := x509.ParseCertificate(content)
	a.must(err)
	return issued, key
}

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// serve starts a server whose certificate is for localhost, and which asks clients for theirs.
func (a *authority) serve() *fake {
	a.t.Helper()
	a.issue("server", &x509.Certificate{DNSNames: []string{"localhost"}})
	own, err := tls.LoadX509KeyPair(a.path("server.pem"), a.path("server.key"))
	a.must(err)
	clients := x509.NewCertPool()
	clients.AddCert(a.certificate)
	config := &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: clients, ClientAuth: tls.VerifyClientCertIfGiven}
	server := &fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		return &v1.GetResponse{Notification: &v1.Notification{Title: peerName(ctx)}}, nil
	}}
	return server.start(a.t, grpc.Creds(credentials.NewTLS(config)))
}

func (a *authority) load(roots, certificate, key string) *tls.Config {
	a.t.Helper()
	config, err := tocsin.LoadTLS(roots, certificate, key)
	a.must(err)
	return config
}

func localhost(address string) string { return "localhost" + address[strings.LastIndex(address, ":"):] }

func TestAnAuthorityOfOnesOwnVouchesForTheServer(t *testing.T) {
	own := newAuthority(t)
	server := own.serve()
	client := dial(t, localhost(server.address), tocsin.WithTLS(own.load(own.path("ca.pem"), "", "")), tocsin.WithToken("t"))
	if _, err := client.Get(t.Context(), "n"); err != nil {
		t.Error(err)
	}
}

func TestAClientShowsItsCertificate(t *testing.T) {
	own := newAuthority(t)
	server := own.serve()
	own.issue("client", &x509.Certificate{
		Subject: pkix.Name{CommonName: "A client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	config := own.load(own.path("ca.pem"), own.path("client.pem"), own.path("client.key"))
	got, err := dial(t, localhost(server.address), tocsin.WithTLS(config)).Get(t.Context(), "n")
	if err != nil || got.Title != "A client" {
		t.Errorf("the server saw %v, %v", got, err)
	}
}

func TestAServerIsNotTrustedWithoutReason(t *testing.T) {
	own, other := newAuthority(t), newAuthority(t)
	server := own.serve()
	trusting := tocsin.WithTLS(own.load(own.path("ca.pem"), "", ""))
	for _, one := range []struct {
		sentence string
		client   *tocsin.Client
	}{
		{"unknown authority", dial(t, localhost(server.address), tocsin.WithTLS(other.load(other.path("ca.pem"), "", "")), shortly)},
		{"unknown authority", dial(t, localhost(server.address), tocsin.WithTLS(nil), shortly)},
		{"doesn't contain any IP SANs", dial(t, server.address, trusting, shortly)},
		{"doesn't contain any IP SANs", dial(t, server.address+","+server.address, trusting, shortly)},
		{"first record does not look like a TLS handshake", dial(t, plainServer(t), trusting, shortly)},
	} {
		_, err := one.client.Get(t.Context(), "n")
		if failed := errorIn(t, err); failed.Code != codes.Unavailable || !strings.Contains(failed.Message, one.sentence) {
			t.Errorf("want %s: got %v", one.sentence, err)
		}
	}
}

// shortly makes calls end at once whose server cannot be reached: their deadline comes before another attempt.
var shortly = tocsin.WithRetry(tocsin.Backoff{Initial: 1000 * time.Hour, Max: 1000 * time.Hour})

func plainServer(t *testing.T) string {
	return (&fake{unary: func(context.Context, string, any) (any, error) { return &v1.GetResponse{}, nil }}).start(t).address
}

func TestHalfACertificateAndFilesThatAreNoneAreRefused(t *testing.T) {
	own := newAuthority(t)
	for sentence, files := range map[string][3]string{
		"belong together":       {"", own.path("ca.pem"), ""},
		"no certificate in PEM": {own.path("ca.key"), "", ""},
		"no such file":          {own.path("none.pem"), "", ""},
		"tocsin: certificate: ": {"", own.path("ca.key"), own.path("ca.pem")},
	} {
		if _, err := tocsin.LoadTLS(files[0], files[1], files[2]); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("got %v, want %s", err, sentence)
		}
	}
}

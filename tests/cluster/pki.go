package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	kubeconfig "k8s.io/client-go/tools/clientcmd/api"
)

// lifetime of a certificate: no test cluster lives longer.
const lifetime = 7 * 24 * time.Hour

// person is somebody that the API server knows by a client certificate or by a bearer token.
type person struct {
	file, name, group string
	byToken           bool
}

var people = []person{
	{file: "admin", name: "admin", group: "system:masters"},
	{file: "admin-token", name: "admin-by-token", group: "system:masters", byToken: true},
	// What these two may do is for a test to say, by role bindings.
	{file: "limited", name: "limited", group: "limited"},
	{file: "limited-token", name: "limited-by-token", group: "limited", byToken: true},
	{file: "controller-manager", name: "system:kube-controller-manager"},
	{file: "scheduler", name: "system:kube-scheduler"},
}

type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// writePKI fills a folder with a new authority, the API server's certificate, the key that signs
// service account tokens, the token file, and a kubeconfig for everybody.
func writePKI(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: pki FOLDER URL-OF-THE-API-SERVER")
	}
	folder, server := arguments[0], arguments[1]
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	serving, err := authority.sign(servingTemplate())
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.crt":        certificatePEM(authority.certificate),
		"ca.key":        keyPEM(authority.key),
		"apiserver.crt": certificatePEM(serving.certificate),
		"apiserver.key": keyPEM(serving.key),
		"accounts.key":  keyPEM(accounts),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return writePeople(folder, server, authority)
}

func writePeople(folder, server string, authority pair) error {
	var tokens []byte
	for _, someone := range people {
		user := kubeconfig.NewAuthInfo()
		if someone.byToken {
			user.Token = newToken()
			tokens = fmt.Appendf(tokens, "%s,%s,%s,%s\n", user.Token, someone.name, someone.name, someone.group)
		} else {
			signed, err := authority.sign(someone.template())
			if err != nil {
				return err
			}
			user.ClientCertificateData = certificatePEM(signed.certificate)
			user.ClientKeyData = keyPEM(signed.key)
		}
		path := filepath.Join(folder, someone.file+".kubeconfig")
		content := configFor(server, someone.name, authority, user)
		if err := clientcmd.WriteToFile(*content, path); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "tokens.csv"), tokens, 0o600)
}

func configFor(server, name string, authority pair, user *kubeconfig.AuthInfo) *kubeconfig.Config {
	const here = "kubernetes"
	content := kubeconfig.NewConfig()
	cluster, context := kubeconfig.NewCluster(), kubeconfig.NewContext()
	cluster.Server = server
	cluster.CertificateAuthorityData = certificatePEM(authority.certificate)
	context.Cluster, context.AuthInfo = here, name
	content.Clusters[here], content.Contexts[here], content.AuthInfos[name] = cluster, context, user
	content.CurrentContext = here
	return content
}

func newAuthority() (pair, error) {
	template := newTemplate(pkix.Name{CommonName: "test-cluster-ca"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	return pair{}.sign(template)
}

func servingTemplate() *x509.Certificate {
	template := newTemplate(pkix.Name{CommonName: "kube-apiserver"})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	return template
}

func (someone person) template() *x509.Certificate {
	subject := pkix.Name{CommonName: someone.name}
	if someone.group != "" {
		subject.Organization = []string{someone.group}
	}
	template := newTemplate(subject)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return template
}

func newTemplate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:   subject,
		KeyUsage:  x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-time.Minute),
		NotAfter:  now.Add(lifetime),
	}
}

// sign makes a key and its certificate; an authority without a key makes one that signs itself.
func (authority pair) sign(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return pair{}, err
	}
	parent, signer := authority.certificate, authority.key
	if signer == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return pair{}, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return pair{certificate, key}, err
}

func certificatePEM(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

func keyPEM(key *ecdsa.PrivateKey) []byte {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err) // a key that was made a moment ago can be written
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
}

func newToken() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return hex.EncodeToString(secret)
}

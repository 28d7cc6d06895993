package portal

// verifyPrograms verify the signature of one request. They do not compare the time: the request is from the past.
var verifyPrograms = map[string]string{
	"go": `package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

func main() {
	secret := <secret>
	id := <id>
	timestamp := <timestamp>
	signatures := <signatures>
	body := <body>

	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		key, _ = base64.StdEncoding.DecodeString(encoded)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	valid := false
	for signature := range strings.SplitSeq(signatures, " ") {
		valid = valid || hmac.Equal([]byte(signature), []byte(expected))
	}
	fmt.Println("valid:", valid)
}
`,
	"javascript": `import { createHmac, timingSafeEqual } from "node:crypto";

const secret = <secret>;
const id = <id>;
const timestamp = <timestamp>;
const signatures = <signatures>;
const body = <body>;

const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
const expected = createHmac("sha256", key).update(id + "." + timestamp + "." + body).digest();
const valid = signatures.split(" ").some((signature) => {
  const given = Buffer.from(signature.slice(3), "base64");
  return signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
});
console.log("valid:", valid);
`,
	"python": `import base64, hashlib, hmac

secret = <secret>
id = <id>
timestamp = <timestamp>
signatures = <signatures>
body = <body>

key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
mac = hmac.new(key, f"{id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
expected = b"v1," + base64.b64encode(mac)
valid = any(hmac.compare_digest(expected, given.encode()) for given in signatures.split(" "))
print("valid:", str(valid).lower())
`,
}
